import { type BarSeries, createBacktestEngine, generateBars } from '@tapescope/engine'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { scanBatch } from '../../collector/otlp/scan.ts'
import { openDatabase } from '../../service/database.ts'
import { migrate } from '../../service/migrate.ts'
import { storeBars } from '../../service/store-bars.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import { run } from '../child.ts'
import { config } from '../config.ts'
import { inspectEnvironment } from '../environment.ts'
import { benchResult, readJson } from '../result.ts'
import { currentRevision } from '../revision.ts'
import { ascending, quantile } from '../statistics.ts'
import { slice } from '../unseen-bars.ts'
import type { Measured, Operation } from './measured.ts'
import { poissonArrivals } from './simulate.ts'

const histories = [1_000, 10_000]
const operationsEach = 60
/** Share of what one at a time could do that the measured point arrives with: a queue forms, but does not grow. */
const pointLoad = 0.6
const pointSeconds = 20
/** Before it, at the same rate: until all connections of the pool are there and their statements are planned. */
const pointWarmSeconds = 15

/** Measures all inputs of the simulation on this machine; some minutes. */
export async function measureScale(repository: string, tell: (what: string) => void): Promise<Measured> {
  const environment = await inspectEnvironment()
  const sink = await startSpanSink()
  const postgres = await startTemporaryPostgres({})
  let service: Service | undefined
  try {
    await migrate(postgres.url)
    tell('sizes of rows')
    const sizes = await measureRows(postgres.url)
    service = await Service.start(postgres.url, sink.url)
    const feed = new Feed(postgres.url, service)
    const operations: Operation[] = []
    for (const history of histories) {
      tell(`${operationsEach} operations after ${history} bars`)
      operations.push(await measureOperations(feed, service, () => postgresCpuMs(postgres.pid()!), history))
    }
    tell('telemetry')
    const telemetry = await measureTelemetry(feed, service, sink)
    tell('the measured point')
    const point = await measurePoint(feed, operations[0])
    await feed.close()
    tell('backtests and the sidecar')
    return {
      schema: 'tapescope.scale/1',
      createdAt: new Date().toISOString(),
      revision: await currentRevision(repository),
      environment,
      operations,
      point,
      ...sizes,
      telemetry,
      backtestNsPerBar: measureBacktest(),
      sidecarNsPerSpan: await measureSidecar(),
    }
  } finally {
    await service?.stop()
    sink.close()
    await postgres.stop()
  }
}

/** The service with telemetry, in a process of its own. */
class Service {
  private readonly child: ChildProcess
  readonly url: string

  private constructor(child: ChildProcess, url: string) {
    this.child = child
    this.url = url
  }

  static async start(databaseUrl: string, otlp: string): Promise<Service> {
    const child = fork(new URL('../service-process.ts', import.meta.url), ['instrumented'], {
      env: { ...process.env, DATABASE_URL: databaseUrl, OTEL_EXPORTER_OTLP_ENDPOINT: otlp },
    })
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Service(child, `http://127.0.0.1:${port}`)
  }

  /** All that it has used, its spans delivered. */
  async cpuMs(): Promise<number> {
    this.child.send('cpu')
    const [{ cpuMicroseconds }] = (await once(this.child, 'message')) as [{ cpuMicroseconds: number }]
    return cpuMicroseconds / 1000
  }

  async post(route: string, body: unknown): Promise<void> {
    const response = await fetch(`${this.url}${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (response.status !== 200 && response.status !== 201)
      throw new Error(`${route} was answered with ${response.status}: ${text.slice(0, 200)}`)
  }

  async stop(): Promise<void> {
    this.child.kill()
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
  }
}

/** Symbols whose first bars are stored and analysed, and that get their next bars one at a time. */
class Feed {
  private readonly database: ReturnType<typeof openDatabase>
  private readonly service: Service
  private made = 0

  constructor(url: string, service: Service) {
    this.database = openDatabase({ url })
    this.service = service
  }

  /** A new symbol with `history` bars; each call of what is answered with sends its next bar and has it analysed. */
  async symbol(history: number, more: number): Promise<() => Promise<void>> {
    const symbol = `SCALE${this.made++}`
    const { bars } = generateBars({ seed: config.seed + this.made, length: history + more, symbol })
    await storeBars(this.database, slice(bars, 0, history))
    const generate = { symbol, timeframe: bars.timeframe }
    await this.service.post('/api/v1/signals/generate', generate)
    let next = history
    return async () => {
      await this.service.post('/api/v1/bars', { ...generate, bars: [barOf(bars, next++)] })
      await this.service.post('/api/v1/signals/generate', generate)
    }
  }

  close(): Promise<void> {
    return this.database.close()
  }
}

function barOf({ time, open, high, low, close, volume }: BarSeries, i: number) {
  return {
    timestamp: new Date(time[i]).toISOString(),
    open: open[i],
    high: high[i],
    low: low[i],
    close: close[i],
    volume: volume[i],
  }
}

async function measureOperations(
  feed: Feed,
  service: Service,
  postgresMs: () => Promise<number>,
  history: number,
): Promise<Operation> {
  const warm = 10
  const operate = await feed.symbol(history, operationsEach + warm)
  for (let k = 0; k < warm; k++) await operate()
  const before = { service: await service.cpuMs(), postgres: await postgresMs() }
  const wallMs: number[] = []
  for (let k = 0; k < operationsEach; k++) {
    const began = performance.now()
    await operate()
    wallMs.push(rounded(performance.now() - began))
  }
  const [serviceAfter, postgresAfter] = [await service.cpuMs(), await postgresMs()]
  return {
    history,
    wallMs,
    serviceCpuMs: rounded((serviceAfter - before.service) / operationsEach),
    postgresCpuMs: rounded((postgresAfter - before.postgres) / operationsEach),
  }
}

async function measureTelemetry(
  feed: Feed,
  service: Service,
  sink: SpanSink,
): Promise<Measured['telemetry']> {
  const operate = await feed.symbol(1_000, 50)
  await service.cpuMs()
  const before = sink.seen()
  for (let k = 0; k < 50; k++) await operate()
  await service.cpuMs()
  const after = sink.seen()
  const spans = after.spans - before.spans
  const text = await (await fetch(`${service.url}/api/v1/metrics`)).text()
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const symbols = new Set(series.flatMap((line) => /symbol="(SCALE\d+)"/.exec(line)?.[1] ?? []))
  const withSymbol = series.filter((line) => line.includes('symbol="SCALE')).length
  return {
    spansPerOperation: rounded(spans / 50),
    bytesPerSpan: rounded((after.bytes - before.bytes) / spans),
    gzipBytesPerSpan: rounded((after.gzipBytes - before.gzipBytes) / spans),
    seriesPerSymbol: rounded(withSymbol / symbols.size),
    seriesWithoutSymbol: series.length - withSymbol,
  }
}

/** Poisson arrivals over so many symbols that none is asked for twice at a time; latency from the intended start. */
async function measurePoint(feed: Feed, { wallMs, history }: Operation): Promise<Measured['point']> {
  const mean = wallMs.reduce((sum, ms) => sum + ms, 0) / wallMs.length
  const perSecond = rounded((1000 / mean) * pointLoad)
  const warm = poissonArrivals(perSecond, pointWarmSeconds, config.seed + 1)
  const arrivals = [
    ...warm,
    ...poissonArrivals(perSecond, pointSeconds, config.seed).map((at) => at + pointWarmSeconds * 1_000),
  ]
  const symbols: Awaited<ReturnType<Feed['symbol']>>[] = []
  while (symbols.length < 40) symbols.push(await feed.symbol(history, Math.ceil(arrivals.length / 40)))
  const began = performance.now() + 100
  const latencies = await Promise.all(
    arrivals.map(async (at, k) => {
      const intended = began + at
      await new Promise((resolve) => setTimeout(resolve, intended - performance.now()))
      await symbols[k % symbols.length]()
      return performance.now() - intended
    }),
  )
  const counted = latencies.slice(warm.length)
  const sorted = ascending(counted)
  return {
    history,
    perSecond,
    seconds: pointSeconds,
    done: counted.length,
    p50Ms: rounded(quantile(sorted, 0.5)),
    p95Ms: rounded(quantile(sorted, 0.95)),
  }
}

const tables = [
  'ohlcv_bars',
  'trading_ranges',
  'patterns',
  'signals',
  'campaigns',
  'positions',
  'notifications',
  'audit_logs',
]

/** Of an empty database: 100,000 bars of ten symbols, stored and analysed once. */
async function measureRows(url: string): Promise<Pick<Measured, 'bytesPerRow' | 'rowsPer1000Bars'>> {
  const { createSignalEngine } = await import('@tapescope/engine')
  const { servicePreset } = await import('../../service/decision-chain.ts')
  const { storeSignals } = await import('../../service/store-signals.ts')
  const database = openDatabase({ url })
  const engine = createSignalEngine({ preset: servicePreset })
  const count = 100_000
  for (let k = 0; k < 10; k++) {
    const { bars } = generateBars({ seed: config.seed + 100 + k, length: count / 10, symbol: `ROWS${k}` })
    await storeBars(database, bars)
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
    await storeSignals(database, bars, engine.generate(bars), trace, 'local')
  }
  const bytesPerRow: Record<string, number> = {}
  const rowsPer1000Bars: Record<string, number> = {}
  for (const table of tables) {
    const [{ rows, bytes }] = await database.query<{ rows: number; bytes: number }>({
      name: `scale.${table}`,
      text: `SELECT (SELECT count(*) FROM ${table}) AS rows, pg_total_relation_size('${table}') AS bytes`,
    })
    bytesPerRow[table] = rounded(bytes / rows)
    rowsPer1000Bars[table] = rounded((rows / count) * 1_000)
  }
  await database.close()
  return { bytesPerRow, rowsPer1000Bars }
}

function measureBacktest(): number {
  const engine = createBacktestEngine()
  const length = 10_000
  const structures = ['accumulation', 'distribution'] as const
  const all = Array.from(
    { length: 60 },
    (_, k) => generateBars({ seed: config.seed + k, length, structures }).bars,
  )
  const runAll = (): void => {
    for (const bars of all) void engine.run(bars, { strategy: 'wyckoff_all', haltCleared: true }).trades
  }
  runAll()
  const before = process.threadCpuUsage()
  runAll()
  const { user, system } = process.threadCpuUsage(before)
  return rounded(((user + system) * 1_000) / (all.length * length))
}

async function measureSidecar(): Promise<number> {
  const file = path.join(os.tmpdir(), `tapescope-scale-${process.pid}.json`)
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  try {
    // Its exit code is that of its budget, which is not the matter here.
    await run(process.execPath, [main, 'sidecar/plain', '--json', file], {
      timeoutSeconds: 240,
    }).catch(() => undefined)
    const [one] = (await readJson(file, benchResult)).cases
    if (one.status !== 'measured') throw new Error(`sidecar/plain was not measured: ${one.reason}`)
    return rounded(one.ns.p50)
  } finally {
    await rm(file, { force: true })
  }
}

interface SpanSink {
  readonly url: string
  seen(): { spans: number; bytes: number; gzipBytes: number }
  close(): void
}

/** Counts the spans that it is sent. */
async function startSpanSink(): Promise<SpanSink> {
  let [spans, bytes, gzipBytes] = [0, 0, 0]
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces') {
        const sent = Buffer.concat(chunks)
        const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
        spans += scanBatch('traces', body).batch.count
        bytes += body.length
        gzipBytes += gzipSync(body).length
      }
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: () => ({ spans, bytes, gzipBytes }),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** CPU of the postmaster, of its living children and of those that it has waited for; Linux only. */
async function postgresCpuMs(postmaster: number): Promise<number> {
  let ticks = 0
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    // After the name in brackets: state, parent, ..., utime, stime, and those of waited-for children.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const isPostmaster = Number(entry) === postmaster
    if (!isPostmaster && Number(fields[1]) !== postmaster) continue
    ticks += Number(fields[11]) + Number(fields[12])
    if (isPostmaster) ticks += Number(fields[13]) + Number(fields[14])
  }
  // 100 ticks a second, whatever the kernel counts in itself.
  return ticks * 10
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
