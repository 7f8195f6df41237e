import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { git } from './revision.ts'

/** Processes that work inside of `folder`, from /proc. */
async function workingIn(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(ids.map((id) => readlink(`/proc/${id}/cwd`).catch(() => '')))
  return ids.filter((_, index) => folders[index].startsWith(folder))
}

async function waitUntil(holds: () => Promise<boolean>, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    if (await holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a gate stopped by %s ends with 2 and leaves neither worktrees nor processes',
  async (signal) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-stop-'))
    const gate = spawn(
      process.execPath,
      [fileURLToPath(new URL('gate.ts', import.meta.url)), '--self-test', '--quick'],
      { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const closed = once(gate, 'close')
    try {
      let said = ''
      gate.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const measuring = async (): Promise<boolean> =>
        (await readdir(folder)).some((name) => name.startsWith('tapescope-gate-')) &&
        (await workingIn(path.join(folder, 'tapescope-gate-'))).length > 0
      expect(await waitUntil(measuring, 60)).toBe(true)
      gate.kill(signal)
      expect(await closed).toEqual([2, null])
      expect(said).toContain(`gate: stopped by ${signal}`)
      expect(await waitUntil(async () => (await workingIn(folder)).length === 0, 10)).toBe(true)
      expect(await readdir(folder)).toEqual([])
    } finally {
      gate.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  },
)

test('a machine whose canary will not stand still judges nothing, says so and ends with 3', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-noisy-'))
  const here = fileURLToPath(new URL('.', import.meta.url))
  try {
    await mkdir(path.join(folder, 'bench/cases'), { recursive: true })
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n')
    for (const name of ['allocation', 'case', 'catalog', 'config', 'measure', 'runner', 'statistics'])
      await copyFile(path.join(here, `${name}.ts`), path.join(folder, 'bench', `${name}.ts`))
    // The real canary, but each process is as fast as chance will have it: one to five times the work.
    const canary = await readFile(path.join(here, 'cases/canary.ts'), 'utf8')
    const noisy = canary.replace('length: 100_000', 'length: 20_000 + Math.floor(Math.random() * 80_000)')
    expect(noisy).not.toBe(canary)
    await writeFile(
      path.join(folder, 'bench/cases/canary.ts'),
      noisy.replace('units: values.length', 'units: 100_000'),
    )
    await writeFile(
      path.join(folder, 'bench/cases/steady.ts'),
      (await readFile(path.join(here, 'cases/canary.ts'), 'utf8')).replace('canary/kernel', 'steady/kernel'),
    )
    await git(folder, ['init', '--quiet'])
    await git(folder, ['add', '--all'])
    const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false']
    await git(folder, [...author, 'commit', '--quiet', '--no-verify', '-m', 'noisy'])
    const gate = spawn(process.execPath, [path.join(here, 'gate.ts'), '--base', 'HEAD', 'steady'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [gate.stdout, gate.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [code] = (await once(gate, 'close')) as [number]
    expect(said).toMatch(/TOO NOISY: the canary, compared with itself, changed by .*; nothing is judged/)
    expect(said).toContain('not judged')
    expect(code).toBe(3)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
