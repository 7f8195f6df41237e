#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { components } from './components.ts'
import { checkConfig } from './config/check-config.ts'
import { ConfigError, isTree, merge, readConfig } from './config/read-config.ts'
import { takeDataDir } from './data-dir.ts'
import { ensurePage } from './ensure-page.ts'
import { ListenError } from './listen.ts'
import { stderrLog } from './log.ts'
import { ProfileStore } from './profile-store.ts'
import { createSidecar } from './sidecar.ts'
import { TraceStore } from './store/trace-store.ts'
import { Telemetry } from './telemetry.ts'
import { createViewer } from './viewer.ts'

const USAGE = `Usage: tapescope-collector [--config FILE] [options]

Runs a Collector configuration as a local sidecar: OTLP in, fan-out, viewer.

  --config FILE         a configuration file; repeat it, later ones add to it.
                        Without one: its own, for a laptop without backends
  --host HOST           where to listen, 127.0.0.1 (TAPESCOPE_SIDECAR_HOST)
  --otlp-port N         OTLP over HTTP (TAPESCOPE_OTLP_PORT)
  --viewer-port N       viewer and its API, 4319 (TAPESCOPE_VIEWER_PORT)
  --prometheus-port N   scrape endpoint (TAPESCOPE_PROMETHEUS_PORT)
  --health-port N       health (TAPESCOPE_HEALTH_PORT)
  --metrics-port N      the sidecar's own metrics
                        (TAPESCOPE_SIDECAR_METRICS_PORT)
  --data-dir DIR        where undecided spans and the viewer's store survive a
                        restart, .tapescope/sidecar (TAPESCOPE_DATA_DIR)
  --no-data-dir         keep both in memory only
  --store-mib N         size of the viewer's store, 256 (TAPESCOPE_STORE_MIB);
                        at most 64 in memory; CPU samples take a quarter more
  --store-hours N       age of what it keeps, 72 (TAPESCOPE_STORE_HOURS)
  --no-viewer           no viewer and no store
  --check               only check the configuration
  --help

Without its flag a port is as the file says. 0 takes a free one; the line "ready"
on stderr says which.
`

/** Seconds that a drain may take before what is left is cut. */
const DRAIN_SECONDS = 5

try {
  await main()
} catch (error) {
  if (error instanceof ConfigError || error instanceof ListenError) process.stderr.write(`${error.message}\n`)
  else if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS'))
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
  else throw error
  process.exit(1)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', multiple: true, default: [] },
      host: { type: 'string', default: process.env['TAPESCOPE_SIDECAR_HOST'] ?? '127.0.0.1' },
      'otlp-port': { type: 'string', default: process.env['TAPESCOPE_OTLP_PORT'] ?? '' },
      'viewer-port': { type: 'string', default: process.env['TAPESCOPE_VIEWER_PORT'] ?? '4319' },
      'prometheus-port': { type: 'string', default: process.env['TAPESCOPE_PROMETHEUS_PORT'] ?? '' },
      'health-port': { type: 'string', default: process.env['TAPESCOPE_HEALTH_PORT'] ?? '' },
      'metrics-port': { type: 'string', default: process.env['TAPESCOPE_SIDECAR_METRICS_PORT'] ?? '' },
      'data-dir': { type: 'string', default: process.env['TAPESCOPE_DATA_DIR'] ?? '.tapescope/sidecar' },
      'no-data-dir': { type: 'boolean', default: false },
      'no-viewer': { type: 'boolean', default: false },
      'store-mib': { type: 'string', default: process.env['TAPESCOPE_STORE_MIB'] ?? '256' },
      'store-hours': { type: 'string', default: process.env['TAPESCOPE_STORE_HOURS'] ?? '72' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return
  }
  const files = values.config.length > 0 ? values.config : ownFiles()
  const tree = withPorts(readConfig(files, process.env), {
    host: values.host,
    otlp: port(values['otlp-port'], '--otlp-port'),
    prometheus: port(values['prometheus-port'], '--prometheus-port'),
    health: port(values['health-port'], '--health-port'),
    metrics: port(values['metrics-port'], '--metrics-port'),
  })
  const config = checkConfig(tree, components)
  if (values.check) {
    createSidecar(config, { log: stderrLog })
    process.stdout.write('the configuration is sound\n')
    return
  }
  const dataDir = values['no-data-dir'] ? undefined : takeDataDir(resolve(values['data-dir']))
  if (dataDir === undefined && !values['no-data-dir'])
    stderrLog.warn(
      `${values['data-dir']} belongs to another process or cannot be written to; keeping everything in memory (--data-dir names another folder)`,
    )
  process.on('exit', () => dataDir?.release())
  const telemetry = new Telemetry()
  const store = values['no-viewer'] ? undefined : openStore(values, dataDir?.path)
  if (store && store.damagedRecords > 0)
    stderrLog.warn(`viewer: ${store.damagedRecords} damaged requests in its store were left out`)
  const profiles = values['no-viewer'] ? undefined : openProfiles(values, dataDir?.path)
  if (profiles && profiles.damagedRecords > 0)
    stderrLog.warn(`viewer: ${profiles.damagedRecords} damaged profiles in its store were left out`)
  const sidecar = createSidecar(config, {
    log: stderrLog,
    dataDir: dataDir?.path,
    telemetry,
    tap: store && ((batch) => store.append(batch)),
  })
  const pageDir = join(import.meta.dirname, 'ui', 'dist')
  const viewer =
    store &&
    createViewer({
      endpoint: `${values.host}:${port(values['viewer-port'], '--viewer-port') ?? 4319}`,
      store,
      profiles,
      telemetry,
      pageDir,
      pageReady: ensurePage(pageDir).then((wrong) => {
        if (wrong !== undefined) stderrLog.warn(`viewer: ${wrong}`)
        return wrong
      }),
      scrapeUrl: () => sidecar.listening['scrape'],
    })
  const viewerAddress = await viewer?.listen()
  await sidecar.start()

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    const deadline = Date.now() + DRAIN_SECONDS * 1000
    await sidecar.shutdown(deadline)
    await viewer?.close(Date.now() + 500)
    store?.close()
    profiles?.close()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
  const urls = { ...sidecar.listening, ...(viewerAddress && { viewer: `http://${viewerAddress}` }) }
  const list = Object.entries(urls).map(([name, url]) => `${name} ${url}`)
  process.stderr.write(`ready: ${list.join(', ')}\n`)
}

/** The whole file and what makes it one for a laptop: beside this program in the package, above it in the workspace. */
function ownFiles(): string[] {
  const here = import.meta.dirname
  const packaged = join(here, 'otel-collector.yaml')
  return [existsSync(packaged) ? packaged : join(here, '..', 'otel-collector.yaml'), join(here, 'local.yaml')]
}

/** On disk when there is a folder for it; in memory at most 64 MiB. */
function openStore(
  values: { readonly 'store-mib': string; readonly 'store-hours': string },
  dataDir: string | undefined,
): TraceStore {
  const maxBytes = above0(values['store-mib'], '--store-mib') * 2 ** 20
  const maxAgeMs = above0(values['store-hours'], '--store-hours') * 3_600_000
  if (dataDir !== undefined) return new TraceStore({ maxBytes, maxAgeMs, dir: join(dataDir, 'store') })
  return new TraceStore({ maxBytes: Math.min(maxBytes, 64 * 2 ** 20), maxAgeMs })
}

/** CPU samples: a quarter of the size of the store beside them, as old as it. */
function openProfiles(
  values: { readonly 'store-mib': string; readonly 'store-hours': string },
  dataDir: string | undefined,
): ProfileStore {
  const maxBytes = (above0(values['store-mib'], '--store-mib') * 2 ** 20) / 4
  const maxAgeMs = above0(values['store-hours'], '--store-hours') * 3_600_000
  const warn = (line: string): void => stderrLog.warn(line)
  if (dataDir !== undefined)
    return new ProfileStore({ maxBytes, maxAgeMs, dir: join(dataDir, 'profiles'), warn })
  return new ProfileStore({ maxBytes: Math.min(maxBytes, 16 * 2 ** 20), maxAgeMs })
}

function above0(text: string, name: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1e6)) throw new ConfigError(`${name} must be a number above 0, found "${text}"`)
  return value
}

function port(text: string, name: string): number | undefined {
  if (text === '') return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65535)
    throw new ConfigError(`${name} must be a port number, found "${text}"`)
  return value
}

interface Ports {
  readonly host: string
  readonly otlp: number | undefined
  readonly prometheus: number | undefined
  readonly health: number | undefined
  readonly metrics: number | undefined
}

/** Ports from flags and environment go over those of the file. */
function withPorts(tree: { [key: string]: unknown }, ports: Ports): { [key: string]: unknown } {
  const at = (port: number) => `${ports.host}:${port}`
  let out = tree
  if (ports.otlp !== undefined)
    out = merge(out, { receivers: { otlp: { protocols: { http: { endpoint: at(ports.otlp) } } } } })
  if (ports.prometheus !== undefined && has(out, 'exporters', 'prometheus'))
    out = merge(out, { exporters: { prometheus: { endpoint: at(ports.prometheus) } } })
  if (ports.health !== undefined && has(out, 'extensions', 'health_check'))
    out = merge(out, { extensions: { health_check: { endpoint: at(ports.health) } } })
  if (ports.metrics !== undefined) {
    const reader = { pull: { exporter: { prometheus: { host: ports.host, port: ports.metrics } } } }
    out = merge(out, { service: { telemetry: { metrics: { readers: [reader] } } } })
  }
  return out
}

function has(tree: { [key: string]: unknown }, section: string, id: string): boolean {
  const value = tree[section]
  return isTree(value) && id in value
}
