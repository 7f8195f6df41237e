import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export type Engine = { readonly name: string; readonly command: string; readonly args: readonly string[] }

/** The embedded sidecar, without its viewer: what the Collector does, and nothing else. */
export const sidecarEngine: Engine = {
  name: 'sidecar',
  command: process.execPath,
  args: [path.join(root, 'collector/main.ts'), '--no-viewer', '--no-data-dir'],
}

/** The real Collector, built from the manifest. */
export function collectorEngine(binary: string): Engine {
  return { name: 'collector', command: binary, args: [] }
}

export interface PipelineProcess {
  readonly otlp: string
  readonly grpcPort: number
  readonly spanMetrics: string
  readonly ownMetrics: string
  readonly child: ChildProcess
  log(): string
  /** SIGTERM, and what it ended with. Removes its folder. */
  stop(): Promise<number | null>
}

/** Runs configuration files in the sidecar or in the Collector, on free ports of the loopback, and waits for health. */
export async function startPipeline(
  engine: Engine,
  files: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<PipelineProcess> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `tapescope-${engine.name}-`))
  const [http, grpc, prometheus, metrics, health] = await freePorts(5)
  const child = spawn(engine.command, [...engine.args, ...files.flatMap((file) => ['--config', file])], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TAPESCOPE_OTLP_HTTP_ENDPOINT: `127.0.0.1:${http}`,
      TAPESCOPE_OTLP_GRPC_ENDPOINT: `127.0.0.1:${grpc}`,
      TAPESCOPE_PROMETHEUS_ENDPOINT: `127.0.0.1:${prometheus}`,
      TAPESCOPE_COLLECTOR_METRICS_PORT: String(metrics),
      TAPESCOPE_HEALTH_ENDPOINT: `127.0.0.1:${health}`,
      TAPESCOPE_QUEUE_DIR: path.join(folder, 'queue'),
      ...env,
    },
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const process_: PipelineProcess = {
    otlp: `http://127.0.0.1:${http}`,
    grpcPort: grpc,
    spanMetrics: `http://127.0.0.1:${prometheus}/metrics`,
    ownMetrics: `http://127.0.0.1:${metrics}/metrics`,
    child,
    log: () => log,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      const [code] = await exited
      await rm(folder, { recursive: true, force: true })
      return code
    },
  }
  const deadline = Date.now() + 60_000
  for (;;) {
    if (child.exitCode !== null) {
      await process_.stop()
      throw new Error(`${engine.name} ended with ${child.exitCode}:\n${log.slice(-4_000)}`)
    }
    const answer = await fetch(`http://127.0.0.1:${health}`).catch(() => undefined)
    if (answer?.ok === true) return process_
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      await process_.stop()
      throw new Error(`${engine.name} did not become healthy within a minute:\n${log.slice(-4_000)}`)
    }
    await sleep(100)
  }
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(
    servers.map((server) => {
      const closed = once(server, 'close')
      server.close()
      return closed
    }),
  )
  return ports
}

/** Asks again until `found` gives something, for at most `seconds`; then throws with what was last seen. */
export async function until<T>(
  what: string,
  found: () => Promise<T | undefined> | T | undefined,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const value = await found()
    if (value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`)
    await sleep(100)
  }
}
