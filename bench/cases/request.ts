import { parseBarsCsv } from '@tapescope/engine'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openDatabase } from '../../service/database.ts'
import { migrate } from '../../service/migrate.ts'
import { readRealBarsCsv } from '../../service/real-bars.ts'
import { storeBars } from '../../service/store-bars.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import type { BenchCase } from '../case.ts'

// What telemetry costs a request: the service as `npm start` runs it, the same routes, engine and pool with nothing that
// watches them, and the same with OpenTelemetry's own packages. Three processes take turns on one PostgreSQL. What is
// measured is the CPU time of the service's process, its spans delivered: that is what limits its throughput, whoever
// else uses the machine. Requests per second, which depend on that, are told beside it.

/** Requests at a time. */
const concurrency = 8

interface Asked {
  method: 'GET' | 'POST'
  path: string
  body?: string
}

const series = 'symbol=SPX&timeframe=1d'
const requests = {
  active: {
    about: 'GET signals/active: two statements, no engine: where telemetry weighs most',
    asked: { method: 'GET', path: '/api/v1/signals/active?status=ACTIVE&limit=50' },
    units: 400,
  },
  bars: {
    about: 'GET bars: a page of 100',
    asked: { method: 'GET', path: `/api/v1/bars?${series}&limit=100` },
    units: 200,
  },
  results: {
    about: 'GET backtests/results: a page of 20 with their metrics',
    asked: { method: 'GET', path: '/api/v1/backtests/results' },
    units: 200,
  },
  detect: {
    about: 'GET patterns/detect over 5,105 bars: one statement and the whole analysis',
    asked: { method: 'GET', path: `/api/v1/patterns/detect?${series}` },
    units: 100,
  },
  generate: {
    about: 'POST signals/generate over 5,105 bars, nothing new: analysis, comparison with all that is stored',
    asked: {
      method: 'POST',
      path: '/api/v1/signals/generate',
      body: JSON.stringify({ symbol: 'SPX', timeframe: '1d' }),
    },
    units: 100,
  },
} as const satisfies Record<string, { about: string; asked: Asked; units: number }>

/** So that `results` has a page. */
const runs = 20
const run: Asked = {
  method: 'POST',
  path: '/api/v1/backtests/run',
  body: JSON.stringify({
    symbol: 'SPX',
    timeframe: '1d',
    start_date: '2001-01-01',
    end_date: '2019-12-31',
    strategy: 'sma_cross',
  }),
}

/** Takes what the instrumented service sends, as the sidecar would; its own time is nobody's. */
async function startSink() {
  let bytes = 0
  const server = createServer((message, response) => {
    message.on('data', (chunk: Buffer) => (bytes += chunk.length))
    message.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

class ServiceProcess {
  private readonly child: ChildProcess
  private readonly agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  private port = 0
  private used = 0
  /** Of each turn. */
  readonly perSecond: number[] = []

  constructor(kind: 'bare' | 'instrumented' | 'plain', databaseUrl: string, otlp: string) {
    this.child = fork(new URL('../service-process.ts', import.meta.url), [kind], {
      env: { ...process.env, DATABASE_URL: databaseUrl, OTEL_EXPORTER_OTLP_ENDPOINT: otlp },
    })
  }

  async ready(): Promise<this> {
    const [message] = (await once(this.child, 'message')) as [{ port: number }]
    this.port = message.port
    return this
  }

  /** Asks `count` times; answers with the CPU time that it took, in ns. */
  async ask(asked: Asked, count: number): Promise<number> {
    const before = this.used
    const started = performance.now()
    let left = count
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (left-- > 0) {
          const { status, text } = await this.once(asked)
          if (status !== 200) throw new Error(`${asked.path} was answered with ${status}: ${text}`)
        }
      }),
    )
    this.perSecond.push((count / (performance.now() - started)) * 1e3)
    this.child.send('cpu')
    const [message] = (await once(this.child, 'message')) as [{ cpuMicroseconds: number }]
    this.used = message.cpuMicroseconds
    return (this.used - before) * 1e3
  }

  once({ method, path, body }: Asked): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const outgoing = send({ agent: this.agent, port: this.port, method, path, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  async close(): Promise<void> {
    this.agent.destroy()
    this.child.kill()
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
  }
}

function requestCase(name: keyof typeof requests): BenchCase {
  const { about, asked, units } = requests[name]
  return {
    name: `request/${name}`,
    unit: 'request',
    about: `${about}; CPU time of the service, spans delivered`,
    budgets: [
      {
        kind: 'ratio',
        rival: 'bare',
        max: 1 / 0.9,
        reason: 'Telemetry may cost a request at most 10 % of the throughput.',
      },
    ],
    gate: false,
    async setup() {
      const postgres = await startTemporaryPostgres()
      const sink = await startSink()
      await migrate(postgres.url)
      const database = openDatabase({ url: postgres.url })
      const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
      await storeBars(database, bars)
      await database.close()
      const kinds = ['instrumented', 'bare', 'plain'] as const
      const [watched, bare, plain] = await Promise.all(
        kinds.map((kind) => new ServiceProcess(kind, postgres.url, sink.url).ready()),
      )
      const services = [watched, bare, plain]
      await watched.once(requests.generate.asked)
      if (name === 'results') await runBacktests(watched)
      // Until the compiler has seen enough of each.
      for (let round = 0; round < 6; round++) for (const one of services) await one.ask(asked, units)
      for (const { perSecond } of services) perSecond.length = 0
      return {
        units,
        timesItself: true,
        run: () => watched.ask(asked, units),
        rivals: [
          { name: 'bare', units, timesItself: true, run: () => bare.ask(asked, units) },
          { name: 'plain OpenTelemetry', units, timesItself: true, run: () => plain.ask(asked, units) },
        ],
        notes: () => [
          `requests per second, median of the turns: bare ${median(bare)}, this ${median(watched)}, plain OpenTelemetry ${median(plain)}`,
        ],
        async verify() {
          const [ours, theirs] = await Promise.all([watched.once(asked), bare.once(asked)])
          if (withoutTrace(ours.text) !== withoutTrace(theirs.text))
            throw new Error(`the two services answer ${asked.path} differently`)
          if (!/"trace_id":"[0-9a-f]{32}"/.test(ours.text))
            throw new Error('the watched service has no trace')
          if (sink.bytes() === 0) throw new Error('no span was delivered')
        },
        async close() {
          await Promise.all(services.map((one) => one.close()))
          sink.close()
          await postgres.stop()
        },
      }
    },
  }
}

const median = ({ perSecond }: ServiceProcess): number =>
  Math.round(perSecond.toSorted((one, other) => one - other)[perSecond.length >> 1] ?? 0)

async function runBacktests(service: ServiceProcess): Promise<void> {
  for (let i = 0; i < runs; i++) {
    const { status, text } = await service.once(run)
    if (status !== 202) throw new Error(`a backtest was answered with ${status}: ${text}`)
  }
  const until = performance.now() + 60_000
  for (;;) {
    const { text } = await service.once({ method: 'GET', path: '/api/v1/backtests/results?status=COMPLETED' })
    if ((JSON.parse(text) as { data: unknown[] }).data.length >= runs) return
    if (performance.now() > until) throw new Error('the backtests were not done within a minute')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** `trace_id` of the answer itself is its last field. */
function withoutTrace(text: string): string {
  return text.replace(/"trace_id":(null|"[0-9a-f]+")\}$/, '')
}

export default (Object.keys(requests) as (keyof typeof requests)[]).map(requestCase)
