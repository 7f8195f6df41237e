import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { instrumentBacktestEngine } from './instrument-backtest-engine.ts'
import { instrumentSignalEngine } from './instrument-signal-engine.ts'
import { startTelemetry, type Telemetry } from './start-telemetry.ts'
import { lookEngine, seriesOf } from './testing/look-engine.ts'

const posted: { path: string; bytes: number; type: string | undefined }[] = []
const sink = createServer((request: IncomingMessage, response) => {
  let bytes = 0
  request.on('data', (chunk: Buffer) => (bytes += chunk.length))
  request.on('end', () => {
    posted.push({ path: request.url ?? '', bytes, type: request.headers['content-type'] })
    response.end()
  })
})
let telemetry: Telemetry

beforeAll(async () => {
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  const { port } = sink.address() as AddressInfo
  telemetry = await startTelemetry({ serviceName: 'test', otlpEndpoint: `http://127.0.0.1:${port}` })
})

afterAll(async () => {
  await telemetry.shutdown()
  sink.close()
})

const scrape = async (): Promise<string> =>
  (await telemetry.metricsHandler(new Request('http://localhost/metrics'))).text()

it('sends the spans of a run as OTLP protobuf and shows its metrics', async () => {
  const bars = seriesOf('FIRST', 5000)
  const signals = instrumentSignalEngine(lookEngine())
  const backtest = instrumentBacktestEngine({ run: (bars: { length: number }) => ({ seen: bars.length }) })
  expect(signals.generate(bars)).toEqual(lookEngine().generate(bars))
  expect(backtest.run(bars)).toEqual({ seen: 5000 })
  expect(await telemetry.flush()).toBe(true)
  expect(posted[0]).toMatchObject({ path: '/v1/traces', type: 'application/x-protobuf' })
  const text = await scrape()
  expect(text).toContain('signal_generation_requests_total{symbol="FIRST",pattern_type="all"} 1\n')
  expect(text).toContain('bars_processed_total{mode="live",timeframe="1d"} 5000\n')
  expect(text).toContain('bars_processed_total{mode="backtest",timeframe="1d"} 5000\n')
  expect(text).toContain('backtest_executions_total{symbol="FIRST",status="completed"} 1\n')
  expect(text).toMatch(/backtest_duration_seconds_bucket\{symbol="FIRST",le="0.25"\} 1\n/)
  expect(text).toMatch(/pattern_detection_latency_seconds_count\{symbol="FIRST"\} [1-9]/)
  expect(text).toMatch(/process_resident_memory_bytes [1-9]/)
})

it('refuses what cannot be meant', async () => {
  await expect(startTelemetry({ otlpEndpoint: 'nowhere' })).rejects.toThrow(/give a URL/)
  await expect(startTelemetry({ serviceNam: 'x' } as object)).rejects.toThrow(/did you mean serviceName/)
  await expect(startTelemetry({ deadlineMs: 0 })).rejects.toThrow(/at least 1/)
})
