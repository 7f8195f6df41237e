import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOtlpSink } from '@tapescope/sdk/testing'
import { spawnSidecar } from '../../collector/spawn-sidecar.ts'
import { startDesk } from './desk.ts'
import { startPrometheus, until, type Ask } from './start-prometheus.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'tapescope-stack-'))

// In the places of Jaeger and Tempo, receivers that keep what they get.
const [jaeger, tempo] = [await startOtlpSink(), await startOtlpSink()]
const sidecar = await spawnSidecar({
  files: [join(root, 'otel-collector.yaml')],
  args: ['--no-data-dir', '--no-viewer'],
  env: {
    TAPESCOPE_JAEGER_ENDPOINT: jaeger.url,
    TAPESCOPE_TEMPO_ENDPOINT: tempo.url,
    TAPESCOPE_QUEUE_DIR: join(folder, 'queue'),
  },
})
const desk = await startDesk(sidecar.urls['OTLP/HTTP'])
const prometheus = await startPrometheus(folder, join(root, 'collector/prometheus/rules/*.yml'), {
  desk: desk.metricsUrl,
  spans: sidecar.urls['scrape'],
  collector: sidecar.urls['own metrics'],
})

try {
  await showSampling()
  if (prometheus === undefined)
    console.log('Prometheus is not installed (Debian: apt-get install prometheus): no alerts, no exemplars')
  else await showAlerting(prometheus.ask)
} finally {
  await desk.stop()
  sidecar.child.kill()
  await Promise.all([once(sidecar.child, 'exit'), prometheus?.stop(), jaeger.close(), tempo.close()])
  rmSync(folder, { recursive: true, force: true })
}

/** The pipeline drops what nobody will ask for, and keeps the rest at both backends. */
async function showSampling(): Promise<void> {
  await desk.work()
  console.log('sent     200 quotes, 3 backtests, 1 backtest that fails')
  const whole = (spans: typeof jaeger.spans) =>
    spans.filter(({ name }) => name === 'backtest.run').length === 4
  await until(async () => whole(jaeger.spans) && whole(tempo.spans))
  for (const [name, { spans }] of Object.entries({ Jaeger: jaeger, Tempo: tempo })) {
    const count = (wanted: string) => spans.filter(({ name }) => name === wanted).length
    console.log(
      `${name.padEnd(8)} ${count('quote')} quotes, ${count('backtest.run')} backtests, the failed one too`,
    )
  }
}

/** A rule of production wakes somebody; an exemplar leads to a trace that was kept. */
async function showAlerting(ask: Ask): Promise<void> {
  const { groups } = await ask<{ groups: { rules: { type: string }[] }[] }>('rules')
  const alerting = groups.flatMap(({ rules }) => rules).filter(({ type }) => type === 'alerting')
  console.log(`rules    ${alerting.length} alerts of production are loaded`)
  const alert = await until(async () => {
    const { alerts } = await ask<{ alerts: { labels: { alertname: string }; state: string }[] }>('alerts')
    return alerts.find(({ labels }) => labels.alertname === 'StaleSymbols')
  })
  console.log(`alert    ${alert.labels.alertname} is ${alert.state}: the feed of a symbol has stopped`)
  type Series = { exemplars: { labels: { trace_id: string }; value: string }[] }[]
  const range = `start=${Date.now() / 1000 - 600}&end=${Date.now() / 1000 + 60}`
  const slowest = await until(async () => {
    const series = await ask<Series>(`query_exemplars?query=backtest_duration_seconds_bucket&${range}`)
    const all = series.flatMap(({ exemplars }) => exemplars)
    return all.toSorted((a, b) => Number(b.value) - Number(a.value))[0]
  })
  const traceId = slowest.labels.trace_id
  const spans = tempo.spans.filter((span) => span.traceId === traceId)
  console.log(
    `exemplar of the slowest backtest: trace ${traceId.slice(0, 16)}..., ${spans.length} spans at Tempo`,
  )
}
