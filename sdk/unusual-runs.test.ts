import { expect, it } from 'vitest'
import type { EngineObserver, RunDescription } from './engine-observer.ts'
import { keepSpans } from './fixtures/keep-spans.ts'
import { instrumentSignalEngine } from './instrument-signal-engine.ts'
import { MetricStore } from './metric-store.ts'

const memory = keepSpans()
const about: RunDescription = {
  kind: 'signals',
  symbol: 'A',
  timeframe: '1d',
  bars: null,
  stages: ['look'],
  attributes: {},
}
const named = (): string[] => memory.getFinishedSpans().map(({ name }) => name)

it('shows the slowest blocks of an engine that can time none of its bars alone', () => {
  const engine = {
    generate(bars: { symbol: string; length: number }, { observer }: { observer?: EngineObserver } = {}) {
      const run = observer?.runStarted({ ...about, bars: bars.length })
      for (let first = 0; first < bars.length; first += 100) {
        run?.blockStarted(first, first + 100)
        run?.stageEnded(0)
        run?.blockEnded(first + 100)
      }
      run?.runEnded({ bars: bars.length })
      return { patterns: [] }
    },
  }
  instrumentSignalEngine(engine, { worst: 3, store: new MetricStore() }).generate({
    symbol: 'A',
    length: 1000,
  })
  expect(named().filter((name) => name === 'block.sampled').length).toBe(3)
  expect(named()).toContain('signals.generate')
  expect(named()).not.toContain('bar.sampled')
})

it('makes a span of each block of a stream, and of what is left when the session ends', () => {
  const engine = {
    generate: () => ({ patterns: [] }),
    open(_series: { symbol: string; timeframe: string }, { observer }: { observer?: EngineObserver } = {}) {
      const run = observer?.runStarted(about)
      let bar = 0
      return {
        push() {
          if (bar % 4 === 0) run?.blockStarted(bar, bar + 4)
          bar++
          if (bar % 4 === 0) run?.blockEnded(bar)
        },
        close: () => run?.runEnded({ bars: bar }),
      }
    },
  }
  const session = instrumentSignalEngine(engine, { store: new MetricStore() }).open({
    symbol: 'A',
    timeframe: '1d',
  })
  for (let i = 0; i < 10; i++) session.push()
  session.close()
  const spans = memory.getFinishedSpans().filter(({ name }) => name === 'signals.stream')
  expect(spans.map(({ attributes }) => attributes['tapescope.bars'])).toEqual([4, 4, 2])
})
