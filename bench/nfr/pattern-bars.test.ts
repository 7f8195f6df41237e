import { createSignalEngine, generateBars, patternTypes } from '@tapescope/engine'
import { expect, test } from 'vitest'
import { PatternCount, patternBars, walkPatternBars } from './pattern-bars.ts'
import { StageClock } from './stage-clock.ts'

test('the bars of a case are those at whose close a session confirms a pattern', () => {
  const { bars } = generateBars({ seed: 4, length: 2_000 })
  const session = createSignalEngine().open(bars)
  const heard: string[] = []
  for (let bar = 0; bar < bars.length; bar++) {
    const { patterns } = session.push({
      time: bars.time[bar],
      open: bars.open[bar],
      high: bars.high[bar],
      low: bars.low[bar],
      close: bars.close[bar],
      volume: bars.volume[bar],
    })
    for (const { confirmedBar, type } of patterns) if (confirmedBar === bar) heard.push(`${bar} ${type}`)
  }
  const found = patternBars(bars, 1_000).flatMap(({ bar, types }) => types.map((type) => `${bar} ${type}`))
  expect(found.length).toBeGreaterThan(8)
  expect(new Set(found)).toEqual(new Set(heard.filter((one) => Number.parseInt(one) >= 1_000)))
})

test('all types take turns, and each stop lies behind its history', () => {
  const walk = walkPatternBars({ seed: 9, history: 500, length: 1_500 })
  for (const type of [...patternTypes, ...patternTypes]) {
    const { bar, types } = walk.next().value
    expect(types).toContain(type)
    expect(bar).toBeGreaterThanOrEqual(500)
  }
})

test('bars in which nothing can be found end the walk, and a count without a type is no proof', () => {
  const walk = walkPatternBars({ seed: 1, history: 30, length: 40, wanted: ['UTAD'] })
  expect(() => walk.next()).toThrow('ten series in turn hold no UTAD')
  const count = new PatternCount()
  count.add(['SPRING', 'SPRING', 'SOS'])
  expect(() => count.told()).toThrow('no LPS, no UTAD was found while measuring')
  expect(count.told(['SPRING'])).toBe('2 SPRING')
})

test('the clock times every stage of every bar, and changes no finding', () => {
  const { bars } = generateBars({ seed: 7, length: 3_000 })
  const engine = createSignalEngine()
  const clock = new StageClock()
  const session = engine.open(bars, { observer: clock })
  let timed = 0
  for (let bar = 0; bar < bars.length; bar++) {
    clock.ns.fill(-1)
    session.push({
      time: bars.time[bar],
      open: bars.open[bar],
      high: bars.high[bar],
      low: bars.low[bar],
      close: bars.close[bar],
      volume: bars.volume[bar],
    })
    if (clock.ns.every((ns) => ns >= 0)) timed++
  }
  expect(timed).toBe(bars.length)
  expect(session.result().signals.map(({ key }) => key)).toEqual(
    engine.generate(bars).signals.map(({ key }) => key),
  )
})
