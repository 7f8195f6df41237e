import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseBarsCsv, type BarSeries } from '@tapescope/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboards } from '../../collector/grafana/panels.ts'
import { readRealBarsCsv, realSeries } from '../../service/real-bars.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import { builtCollector } from './collector-binary.ts'
import { startOtlpSink, type OtlpSink } from './otlp-sink.ts'
import {
  collectorEngine,
  freePorts,
  root,
  startPipeline,
  until,
  type PipelineProcess,
} from './pipeline-process.ts'

const built = await builtCollector()
const binary = 'path' in built ? built.path : ''
const why = 'unavailable' in built ? ` (not shown: ${built.unavailable})` : ''
interface Row {
  trace_id: string
}
/** What is read of the API's answers. */
interface Answer {
  data: Row[]
  trace_id: string
}
const file = (name: string): string => path.join(root, name)

describe.skipIf(binary === '')(`production's files on the real Collector${why}`, () => {
  test.each([
    ['alone', ['otel-collector.yaml']],
    ['on a laptop', ['otel-collector.yaml', 'collector/local.yaml']],
    ['agents of a scaled deployment', ['collector/scale-out/agent.yaml']],
  ])('it validates them: %s', (_, files) => {
    const args = ['validate', ...files.flatMap((name) => ['--config', file(name)])]
    const { status, stderr } = spawnSync(binary, args, { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe.skipIf(binary === '')(`the service through the real Collector and Prometheus${why}`, () => {
  let folder: string
  let jaeger: OtlpSink
  let tempo: OtlpSink
  let collector: PipelineProcess
  let postgres: Awaited<ReturnType<typeof startTemporaryPostgres>>
  let service: ChildProcess
  let prometheus: ChildProcess
  let api: string
  let prometheusUrl: string
  let serviceLog = ''

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-conformance-'))
    ;[jaeger, tempo] = [await startOtlpSink(), await startOtlpSink()]
    const quick = path.join(folder, 'quick.yaml')
    await writeFile(quick, 'processors: { tail_sampling: { decision_wait: 1s } }\n')
    collector = await startPipeline(collectorEngine(binary), [file('otel-collector.yaml'), quick], {
      TAPESCOPE_JAEGER_ENDPOINT: jaeger.url,
      TAPESCOPE_TEMPO_ENDPOINT: tempo.url,
    })
    postgres = await startTemporaryPostgres()
    const [port, prometheusPort] = await freePorts(2)
    api = `http://127.0.0.1:${port}`
    prometheusUrl = `http://127.0.0.1:${prometheusPort}`
    service = spawn(process.execPath, [file('service/main.ts')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        DATABASE_URL: postgres.url,
        TAPESCOPE_PORT: String(port),
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlp,
        OTEL_SERVICE_NAME: 'tapescope-service',
      },
    })
    service.stderr!.on('data', (chunk: Buffer) => (serviceLog += chunk.toString()))
    await until('the service is ready', async () => {
      if (service.exitCode !== null) throw new Error(serviceLog)
      return (await fetch(`${api}/readyz`).catch(() => undefined))?.ok === true ? true : undefined
    })

    // Production's rules and jobs, but faster, and with addresses instead of the names of containers.
    const config = path.join(folder, 'prometheus.yml')
    const job = (name: string, url: string, honor = false): string => {
      const { host, pathname } = new URL(url)
      return `- {job_name: ${name}, metrics_path: ${pathname}, honor_labels: ${honor}, static_configs: [{targets: ['${host}']}]}\n`
    }
    await writeFile(
      config,
      `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['${file('collector/prometheus/rules')}/*.yml']
storage: {exemplars: {max_exemplars: 10000}}
scrape_configs:
${job('tapescope-service', `${api}/api/v1/metrics`)}${job('tapescope-spans', collector.spanMetrics, true)}${job('otel-collector', collector.ownMetrics)}`,
    )
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${path.join(folder, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${prometheusPort}`,
        '--enable-feature=exemplar-storage',
      ],
      { stdio: 'ignore' },
    )
    await until('Prometheus is ready', async () =>
      (await fetch(`${prometheusUrl}/-/ready`).catch(() => undefined))?.ok === true ? true : undefined,
    )
    const { bars } = parseBarsCsv(await readRealBarsCsv(), realSeries)
    // Both parts hold signals and rejections of the same kinds: a series that begins at 1 has no rate, so each must
    // have been scraped before it changes.
    const middle = bars.time.findIndex((time) => time >= Date.UTC(2008, 4, 15))
    await work(bars, 0, middle)
    await until('a first scrape', async () =>
      (await query('backtest_executions_total')).length > 0 ? true : undefined,
    )
    await work(bars, middle, bars.length)
  })

  afterAll(async () => {
    for (const child of [service, prometheus]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await collector?.stop()
    await postgres?.stop()
    await jaeger?.close()
    await tempo?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function call(
    method: string,
    route: string,
    body?: unknown,
  ): Promise<{ status: number; json: Answer }> {
    const response = await fetch(`${api}/api/v1${route}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: (await response.json()) as Answer }
  }

  /** What a desk does in a day: bars, signals, a backtest, a look around. */
  async function work(bars: BarSeries, from: number, to: number): Promise<void> {
    const { symbol } = bars
    const rows = Array.from({ length: to - from }, (_, k) => ({
      timestamp: new Date(bars.time[from + k]).toISOString(),
      open: bars.open[from + k],
      high: bars.high[from + k],
      low: bars.low[from + k],
      close: bars.close[from + k],
      volume: bars.volume[from + k],
    }))
    expect((await call('POST', '/bars', { symbol, timeframe: '1d', bars: rows })).status).toBe(200)
    const generated = await call('POST', '/signals/generate', { symbol, timeframe: '1d' })
    expect([200, 201]).toContain(generated.status)
    const backtest = {
      symbol,
      timeframe: '1d',
      start_date: rows[0].timestamp.slice(0, 10),
      end_date: rows.at(-1)!.timestamp.slice(0, 10),
      strategy: 'wyckoff_all',
    }
    expect((await call('POST', '/backtests/run?wait=30', backtest)).json).toMatchObject({
      status: 'COMPLETED',
    })
    expect((await call('GET', `/patterns/detect?symbol=${symbol}&timeframe=1d`)).status).toBe(200)
    expect((await call('GET', '/nothing/here')).status).toBe(404)
  }

  interface Series {
    metric: Record<string, string>
    value: [number, string]
  }
  async function query(expr: string): Promise<Series[]> {
    const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(expr)}`)
    const { status, error, data } = (await response.json()) as {
      status: string
      error?: string
      data: { result: Series[] }
    }
    if (status !== 'success') throw new Error(`${expr}: ${error}`)
    return data.result.filter(({ value }) => value[1] !== 'NaN')
  }

  test('every trace that a row points to is at both backends', async () => {
    const { json: signals } = await call('GET', '/signals/active?limit=200')
    const { json: patterns } = await call('GET', '/patterns?symbol=SPX&timeframe=1d&limit=200')
    const { json: results } = await call('GET', '/backtests/results')
    const ids = new Set<string>(
      [...signals.data, ...patterns.data, ...results.data].map(({ trace_id }) => trace_id),
    )
    expect(results.data).toHaveLength(2)
    expect(ids.size).toBeGreaterThanOrEqual(3)
    for (const backend of [jaeger, tempo])
      await until('all of them have arrived', () => {
        const arrived = new Set(backend.spans.map(({ traceId }) => traceId))
        return [...ids].every((id) => arrived.has(id)) ? true : undefined
      })
    expect(jaeger.spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['backtest.run', 'signals.generate']),
    )
    expect(jaeger.spans[0].resource).toMatchObject({
      'service.name': 'tapescope-service',
      'deployment.environment.name': 'local',
    })
  })

  test('an error is kept, and fires where the error rate is shown', async () => {
    await postgres.stop()
    const failed = await call('POST', '/signals/generate', { symbol: 'SPX', timeframe: '1d' })
    expect(failed.status).toBe(503)
    for (const backend of [jaeger, tempo])
      await until('the trace of the error', () =>
        backend.spans.some(({ traceId }) => traceId === failed.json.trace_id) ? true : undefined,
      )
    await until('the alert ErrorRate is pending', async () => {
      await call('POST', '/signals/generate', { symbol: 'SPX', timeframe: '1d' })
      const response = await fetch(`${prometheusUrl}/api/v1/alerts`)
      const { data } = (await response.json()) as { data: { alerts: { labels: { alertname: string } }[] } }
      return data.alerts.some(({ labels }) => labels.alertname === 'ErrorRate') ? true : undefined
    })
  })

  /** What cannot have a value in a run in which nothing fails to be delivered. */
  const needsTrouble = /send_failed|refused_spans/

  test.each(
    dashboards.flatMap((dashboard) =>
      dashboard.panels.flatMap((panel) =>
        panel.queries.map(
          (one) => [`${dashboard.title} / ${panel.title} / ${one.legend}`, one.expr] as const,
        ),
      ),
    ),
  )('panel with data: %s', async (_, expr) => {
    const enough = needsTrouble.test(expr) ? 0 : 1
    const series = await until(expr, async () => {
      const found = await query(expr)
      return found.length >= enough ? found : undefined
    })
    expect(series.length).toBeGreaterThanOrEqual(enough)
  })

  test('every rule is sound, and every recorded expression has data', async () => {
    const response = await fetch(`${prometheusUrl}/api/v1/rules`)
    const { data } = (await response.json()) as {
      data: { groups: { rules: { name: string; type: string; health: string; lastError?: string }[] }[] }
    }
    const rules = data.groups.flatMap((group) => group.rules)
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    for (const { name } of rules.filter(({ type }) => type === 'recording'))
      await until(name, async () => ((await query(name)).length > 0 ? true : undefined), 30)
  })

  test('an exemplar of a histogram leads to a trace that both backends have', async () => {
    const metric = 'signal_generation_latency_seconds_bucket'
    const range = `start=${Date.now() / 1000 - 600}&end=${Date.now() / 1000 + 60}`
    const response = await fetch(`${prometheusUrl}/api/v1/query_exemplars?query=${metric}&${range}`)
    const { data } = (await response.json()) as { data: { exemplars: { labels: { trace_id: string } }[] }[] }
    const ids = data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id))
    expect(ids.length).toBeGreaterThan(0)
    for (const backend of [jaeger, tempo]) {
      const arrived = new Set(backend.spans.map(({ traceId }) => traceId))
      expect(ids.filter((id) => !arrived.has(id))).toEqual([])
    }
  })

  test('the Collector lost nothing that it accepted', async () => {
    const text = await (await fetch(collector.ownMetrics)).text()
    const total = (name: string): number =>
      [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'gm'))].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      )
    expect(total('otelcol_receiver_accepted_spans_total')).toBeGreaterThan(50)
    expect(total('otelcol_receiver_refused_spans_total')).toBe(0)
    expect(total('otelcol_exporter_send_failed_spans_total')).toBe(0)
    expect(total('otelcol_exporter_enqueue_failed_spans_total')).toBe(0)
  })
})
