import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startEmbeddedPostgres } from '../../service/embedded-postgres.ts'
import { acquireRunLock } from '../../service/run-lock.ts'
import { startSidecar } from '../../service/sidecar-process.ts'
import { removePostgres } from '../../service/temporary-postgres.ts'

/** A service under load, as `npm start` has it: database, sidecar and service, each in processes of its own. */
export interface ServiceStack {
  readonly url: string
  readonly viewer: string
  readonly key: string

  /** What the service said. */
  readonly logFile: string
  /** Aborted, with a sentence as its reason, when the service ends without having been asked to. */
  readonly ended: AbortSignal
  /** Stops everything and removes its data. Idempotent, never rejects. */
  stop(): Promise<void>
}

interface ServiceStackOptions {
  /** Of the repository. */
  readonly root: string
  /** One run at a time; what a killed run left in it is ended and removed. */
  readonly folder: string
  readonly onNotice: (message: string) => void
  readonly signal: AbortSignal
}

/** The traces of a whole run: its slowest may be its first. */
const storeMib = 4_096
const limits = { TAPESCOPE_RATE_LIMIT: '1000000', TAPESCOPE_RATE_BURST: '1000000' }

/** @throws StartError when a part does not start, or another run holds the folder */
export async function startServiceStack(options: ServiceStackOptions): Promise<ServiceStack> {
  const { root, folder, onNotice, signal } = options
  const undo: (() => unknown)[] = []
  let stopped: Promise<void> | undefined
  async function undoAll(): Promise<void> {
    for (const step of undo.reverse()) {
      try {
        await step()
      } catch (error) {
        onNotice((error as Error).message)
      }
    }
  }
  try {
    const lock = await acquireRunLock(folder)
    const postgresFolder = join(folder, 'postgres')
    undo.push(() => {
      removePostgres(postgresFolder)
      lock.release()
      rmSync(folder, { recursive: true, force: true })
    })
    for (const name of lock.cleared) onNotice(`Ended what a killed run had left running: ${name}.`)
    if (existsSync(postgresFolder)) await clearPostgres(postgresFolder)
    const postgres = await startEmbeddedPostgres({ folder: postgresFolder, onNotice, signal })
    undo.push(() => postgres.stop())
    const sidecarFolder = join(folder, 'sidecar')
    mkdirSync(sidecarFolder, { recursive: true })
    const sidecar = await startSidecar({
      root,
      folder: sidecarFolder,
      flags: [
        ...['otlp', 'viewer', 'prometheus', 'health', 'metrics'].flatMap((name) => [`--${name}-port`, '0']),
        '--store-mib',
        String(storeMib),
      ],
      onEnd: onNotice,
      signal,
    })
    undo.push(() => sidecar.stop())
    lock.addChild('sidecar', sidecar.pid)
    const key = randomBytes(24).toString('base64url')
    const service = await startService({
      root,
      folder,
      signal,
      env: {
        DATABASE_URL: postgres.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: sidecar.urls['otlp'],
        TAPESCOPE_API_KEYS: `load:${createHash('sha256').update(key).digest('hex')}`,
        TAPESCOPE_PORT: '0',
        TAPESCOPE_HOST: '127.0.0.1',
        ...limits,
      },
    })
    undo.push(() => service.stop())
    lock.addChild('service', service.pid)
    lock.setUrl(service.url)
    return {
      url: service.url,
      viewer: sidecar.urls['viewer'],
      key,
      logFile: join(folder, 'service.log'),
      ended: service.ended,
      stop: () => (stopped ??= undoAll()),
    }
  } catch (error) {
    await undoAll()
    throw error
  }
}

/** What a killed run left, its server among it: a run begins with nothing but what it stores itself. */
async function clearPostgres(folder: string): Promise<void> {
  try {
    // Whoever starts it ends a server that still holds the folder.
    const left = await startEmbeddedPostgres({ folder })
    await left.stop()
  } catch {
    // Killed while it was made: there is no server.
  }
  removePostgres(folder)
}

async function startService(options: {
  root: string
  folder: string
  env: Record<string, string>
  signal: AbortSignal
}) {
  const { root, folder, env, signal } = options
  signal.throwIfAborted()
  const child = spawn(process.execPath, [join(root, 'service', 'main.ts')], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C is for us, who stop it when the report is written.
    detached: true,
  })
  const log = createWriteStream(join(folder, 'service.log'))
  const said: string[] = []
  const ended = new AbortController()
  let stopping = false
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`)
      if (said.push(line) > 5) said.shift()
      const url = /"message":"ready","url":"([^"]+)"/.exec(line)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      log.end()
      const last = said.length === 0 ? '' : `; its last words: ${said.join(' | ').slice(-500)}`
      const sentence = `the service ended (${killedBy ?? `exit code ${code}`})${last}`
      reject(new Error(`The service did not start: ${sentence}`))
      if (!stopping) ended.abort(new Error(sentence))
    })
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  const stop = async (): Promise<void> => {
    stopping = true
    for (const [name, waitMs] of [
      ['SIGTERM', 12_000],
      ['SIGKILL', 1_000],
    ] as const) {
      if (hasEnded(child)) return
      const gone = once(child, 'exit')
      child.kill(name)
      await Promise.race([gone, sleep(waitMs, undefined, { ref: false })])
    }
  }
  try {
    return { url: await ready, pid: child.pid!, ended: ended.signal, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
}
