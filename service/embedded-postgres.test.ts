import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, runningPostgres, startEmbeddedPostgres } from './embedded-postgres.ts'
import { shelterNamedIn } from './postgres-place.ts'
import { StartError } from './start-error.ts'

let folder: string
let running: EmbeddedPostgres[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapescope-embedded-'))
  chmodSync(folder, 0o755)
  running = []
})

afterEach(async () => {
  for (const postgres of running) await postgres.stop()
  const shelter = shelterNamedIn(join(folder, 'pg'))
  if (shelter !== undefined) rmSync(shelter, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
})

async function start(onNotice?: (message: string) => void): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({
    folder: join(folder, 'pg'),
    settings: { fsync: 'off' },
    ...(onNotice && { onNotice }),
  })
  running.push(postgres)
  return postgres
}

async function query<Row>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('embedded PostgreSQL', () => {
  it('is found while it runs, keeps its rows over a stop, and comes back when its process is killed', async () => {
    expect(runningPostgres(join(folder, 'pg'))).toBeUndefined()
    const first = await start()
    expect(runningPostgres(join(folder, 'pg'))).toBe(first.url)
    expect(await query(first.url, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }])
    await query(first.url, 'CREATE TABLE kept (n INT); INSERT INTO kept VALUES (7)')
    const pid = first.pid()!
    const guess = new URL(first.url)
    guess.password = 'guess'
    await expect(query(guess.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/)
    expect(statSync(join(first.folder, 'password')).mode & 0o077).toBe(0)
    await first.stop()
    await first.stop()
    expect(isAlive(pid)).toBe(false)
    expect(runningPostgres(join(folder, 'pg'))).toBeUndefined()
    expect(existsSync(join(first.folder, 'data', 'postmaster.pid'))).toBe(false)

    const notices: string[] = []
    const second = await start((message) => notices.push(message))
    expect(second.tookOver).toBe(false)
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])

    const killed = second.pid()!
    process.kill(killed, 'SIGKILL')
    while (second.pid() === killed) await sleep(20)
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
    expect(notices).toEqual(['PostgreSQL ended unexpectedly; starting it again.'])
  })

  it('takes over from a run that was killed', async () => {
    const script = `
      const { startEmbeddedPostgres } = await import(${JSON.stringify(join(import.meta.dirname, 'embedded-postgres.ts'))})
      const postgres = await startEmbeddedPostgres({ folder: ${JSON.stringify(join(folder, 'pg'))} })
      console.log(JSON.stringify({ url: postgres.url, pid: postgres.pid() }))
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const left = JSON.parse(line.toString()) as { url: string; pid: number }
    await query(left.url, 'CREATE TABLE kept (n INT); INSERT INTO kept VALUES (8)')
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    expect(isAlive(left.pid)).toBe(true)

    const postgres = await start()
    expect(postgres.tookOver).toBe(true)
    await expect(query(left.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/)
    expect(await query(postgres.url, 'SELECT n FROM kept')).toEqual([{ n: 8 }])
  })

  it('says what to do when the folder holds half a database', async () => {
    mkdirSync(join(folder, 'pg', 'data'), { recursive: true })
    await expect(start()).rejects.toThrow(StartError)
    await expect(start()).rejects.toThrow(/restore it, or remove it to begin anew/)
  })

  it('can be told to stop while it starts', async () => {
    await expect(
      startEmbeddedPostgres({ folder: join(folder, 'pg'), signal: AbortSignal.abort() }),
    ).rejects.toThrow(/abort/)
    expect(existsSync(join(folder, 'pg'))).toBe(false)
  })

  // Only root has to run PostgreSQL as somebody else.
  it.runIf(process.getuid?.() === 0)(
    'as root in a private folder lies where its user can enter, and finds its data again',
    async () => {
      const open = await start()
      await query(open.url, 'CREATE TABLE kept (n INT); INSERT INTO kept VALUES (9)')
      await open.stop()
      expect(open.folder).toBe(join(folder, 'pg'))

      chmodSync(folder, 0o700)
      const moved = await start()
      expect(moved.folder).not.toContain(folder)
      expect(await query(moved.url, 'SELECT n FROM kept')).toEqual([{ n: 9 }])
      await moved.stop()
      expect(existsSync(join(folder, 'pg', 'data'))).toBe(false)

      const again = await start()
      expect(again.folder).toBe(moved.folder)
      expect(await query(again.url, 'SELECT n FROM kept')).toEqual([{ n: 9 }])
      await again.stop()

      rmSync(moved.folder, { recursive: true })
      await expect(start()).rejects.toThrow(/which is gone/)
    },
  )
})

describe('a temporary PostgreSQL', () => {
  it.each([
    ['throws', "throw new Error('an accident')", undefined],
    ['is interrupted', '', 'SIGINT'],
  ] as const)('goes with a program that %s', async (_, then, signal) => {
    const module = new URL('temporary-postgres.ts', import.meta.url).href
    const program = `
      import { startTemporaryPostgres } from ${JSON.stringify(module)}
      const { pid, folder } = await startTemporaryPostgres()
      console.log(JSON.stringify({ pid: pid(), folder }))
      ${then}
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { pid, folder } = JSON.parse(line.toString()) as { pid: number; folder: string }
    if (signal !== undefined) child.kill(signal)
    const [code, by] = (await once(child, 'exit')) as [number | null, string | null]
    expect([code, by]).toEqual(signal === undefined ? [1, null] : [null, signal])
    while (isAlive(pid)) await sleep(20)
    expect(existsSync(folder)).toBe(false)
  })
})
