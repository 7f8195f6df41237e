import { ROOT_CONTEXT } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, expect, test, vi } from 'vitest'
import { buildRunSpans } from './build-run-spans.ts'
import { RunTimer } from './run-timer.ts'
import { clockFor } from './span-clock.ts'

afterEach(() => vi.restoreAllMocks())

test('one bar that met the garbage collector does not decide how the time of the loop is split', () => {
  let now = 1000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const bars = 8000
  const timer = new RunTimer(
    { kind: 'backtest', symbol: 'T', timeframe: '1d', bars, stages: ['mark', 'strategy'], attributes: {} },
    { sampleEvery: 512, worst: 8, maxFacts: 0, random: () => 0.5 },
    {},
  )
  // Every bar takes 1 µs to mark and 3 µs to decide; the third timed one stops for 20 ms while marking.
  let timed = 0
  let next = timer.blockStarted(0, bars)
  for (let bar = 0; bar < bars; bar++) {
    if (bar !== next) {
      now += 0.004
      continue
    }
    timed++
    timer.barStarted(bar)
    now += timed === 3 ? 20 : 0.001
    timer.stageEnded(0)
    now += 0.003
    timer.stageEnded(1)
    next = timer.barEnded(bar)
  }
  timer.blockEnded(bars)
  timer.runEnded({ bars })

  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  buildRunSpans(timer, provider.getTracer('test'), ROOT_CONTEXT, clockFor(ROOT_CONTEXT), 64)
  const share = (name: string) =>
    exporter.getFinishedSpans().find((span) => span.name === name)?.attributes['tapescope.stage.share']

  // 8,000 bars of 4 µs and one pause: 52 ms in all, 24 of them the strategy's. Some 100 bars were timed for that.
  expect(timed).toBeGreaterThan(90)
  expect(share('stage.strategy')).toBeCloseTo(24 / 52, 2)
  expect(share('stage.mark')).toBeCloseTo(28 / 52, 2)
})
