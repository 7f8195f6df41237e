import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from './start-error.ts'

export interface SidecarProcess {
  pid: number
  /** As its line "ready" names them: otlp, viewer, prometheus, health, ... */
  urls: Readonly<Record<string, string>>
  /** Drains and ends; at most 5 s, then it is killed. Idempotent, never rejects. */
  stop(): Promise<void>
}

export interface SidecarOptions {
  /** The repository's root: `collector/main.ts` and `otel-collector.yaml` lie there. */
  root: string
  /** Where its log and its queue go. */
  folder: string
  /** Flags such as `--otlp-port`, passed on. */
  flags: readonly string[]
  onEnd?: (message: string) => void
  signal?: AbortSignal
}

/** Spawns the sidecar and waits until it listens. @throws StartError with its own sentence when it does not */
export async function startSidecar(options: SidecarOptions): Promise<SidecarProcess> {
  options.signal?.throwIfAborted()
  const { root, folder } = options
  const files = [join(root, 'otel-collector.yaml'), join(root, 'collector', 'local.yaml')]
  const child = spawn(
    process.execPath,
    [join(root, 'collector', 'main.ts'), ...files.flatMap((file) => ['--config', file]), ...options.flags],
    {
      cwd: root,
      // What steers our own telemetry (OTEL_*, NODE_OPTIONS) is not meant for the sidecar.
      env: {
        ...Object.fromEntries(
          Object.entries(process.env).filter(([name]) => !/^(OTEL_|NODE_OPTIONS$)/.test(name)),
        ),
        TAPESCOPE_DATA_DIR: folder,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: Ctrl-C on a terminal is for us, who send it the last telemetry before it stops.
      detached: true,
    },
  )
  const log = createWriteStream(join(folder, 'sidecar.log'))
  const said: string[] = []
  let stopping = false
  let isReady = false
  const ready = new Promise<Record<string, string>>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`)
      if (said.push(line) > 20) said.shift()
      if (line.startsWith('ready')) resolve(urlsIn(line))
    })
    child.once('error', reject)
    // `close` comes after the last line it wrote.
    child.once('close', (code) => {
      log.end()
      const message =
        said
          .filter((line) => line.trim() !== '')
          .slice(-3)
          .join(' ') || `exit code ${code}`
      reject(new StartError(`The sidecar did not start: ${message}`))
      if (isReady && !stopping)
        options.onEnd?.(`The sidecar ended (${message}); telemetry is lost until the next start.`)
    })
  })

  async function stop(): Promise<void> {
    stopping = true
    for (const [signal, waitMs] of [
      ['SIGTERM', 4_500],
      ['SIGKILL', 1_000],
    ] as const) {
      if (hasEnded(child) || child.pid === undefined) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await Promise.race([ended, sleep(waitMs, undefined, { ref: false })])
    }
  }

  const aborted = new Promise<never>((_, reject) => {
    options.signal?.addEventListener('abort', () => reject(options.signal!.reason as Error), { once: true })
  })
  const late = sleep(30_000, undefined, { ref: false }).then(() => {
    throw new StartError(`The sidecar was not ready after 30 s; its log is ${join(folder, 'sidecar.log')}.`)
  })
  try {
    const urls = await Promise.race([ready, aborted, late])
    isReady = true
    return { pid: child.pid!, urls, stop }
  } catch (error) {
    stopping = true
    await stop()
    throw error
  } finally {
    aborted.catch(() => undefined)
    late.catch(() => undefined)
    ready.catch(() => undefined)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** `ready: OTLP/HTTP http://127.0.0.1:4318, viewer http://127.0.0.1:4319`, by the first word in lower case. */
function urlsIn(line: string): Record<string, string> {
  const urls: Record<string, string> = {}
  for (const part of line.replace(/^ready:?/, '').split(', ')) {
    const [, name, url] = /^\s*(\w+).*? (https?:\S+?)\/?$/.exec(part) ?? []
    if (name !== undefined && url !== undefined) urls[name.toLowerCase()] = url
  }
  return urls
}
