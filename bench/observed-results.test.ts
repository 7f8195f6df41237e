import {
  createBacktestEngine,
  createSignalEngine,
  generateBars,
  type EngineObserver,
} from '@tapescope/engine'
import { instrumentBacktestEngine, instrumentSignalEngine, startTelemetry } from '@tapescope/sdk'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startSink } from './otlp-sink.ts'
import { config, nobody } from './pipeline-ways.ts'

let sink: Awaited<ReturnType<typeof startSink>>
let telemetry: Awaited<ReturnType<typeof startTelemetry>>
beforeAll(async () => {
  sink = await startSink()
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', sink.url)
  telemetry = await startTelemetry({ logsExporter: ['otlp'] })
})
afterAll(async () => {
  await telemetry.shutdown()
  sink.close()
  vi.unstubAllEnvs()
})

/** All that a result says, getters too, each number to its last digit; not the functions that it carries. */
function said(result: object): string {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(result))
  const got = names.map((name) => Reflect.get(result, name) as unknown)
  return JSON.stringify([result, got], (_, value: unknown) =>
    ArrayBuffer.isView(value) ? [...(value as Float64Array)] : Object.is(value, -0) ? '-0' : value,
  )
}

const { bars } = generateBars({ seed: 3, length: 12_000 })
const ways = {
  'default telemetry': {},
  'worst bars and facts': { worst: 32, maxFacts: 128 },
  'every bar timed': { sampleEvery: 1, worst: 200, maxFacts: 1000, spanCap: 500 },
}

test.each(Object.entries(ways))(
  '%s: the Wyckoff backtest has the same result to the last digit',
  async (_, options) => {
    const bare = createBacktestEngine().run(bars, config)
    expect(bare.trades.length).toBeGreaterThan(10)
    const observed = instrumentBacktestEngine(createBacktestEngine(), options).run(bars, config)
    expect(said(observed)).toBe(said(bare))
    expect(await telemetry.flush()).toBe(true)
  },
)

test.each(Object.entries(ways))('%s: the signals are the same to the last digit', async (_, options) => {
  const bare = createSignalEngine().generate(bars)
  expect(bare.signals.length).toBeGreaterThan(10)
  const observed = instrumentSignalEngine(createSignalEngine(), options).generate(bars)
  expect(said(observed)).toBe(said(bare))
  expect(await telemetry.flush()).toBe(true)
})

test('an observer of the caller hears of the run as well, and the result stays', () => {
  let told = 0
  const watching = nobody(100)
  const observer: EngineObserver = {
    runStarted: (run) => ({ ...watching.runStarted(run)!, fact: () => (told++, true) }),
  }
  const engine = instrumentBacktestEngine(createBacktestEngine())
  expect(said(engine.run(bars, config, { observer }))).toBe(said(createBacktestEngine().run(bars, config)))
  expect(told).toBeGreaterThan(10)
})
