import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { generateBars } from './generator.ts'
import { createSignalEngine } from './signal-engine.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

// A function written into a property (`x.f = () => ...`) and the pair of an accessor are made in V8's old generation, from
// where they kept every run whole until the next full collection: a third of what an analysis cost.
it('leaves nothing that a collection of the young generation cannot free', () => {
  const engine = createSignalEngine()
  const { bars } = generateBars({ length: 5000, seed: 7 })
  const runs = 6
  const analyse = (): void => {
    for (let i = 0; i < runs; i++) expect(engine.generate(bars).ranges.length).toBeGreaterThan(10)
  }
  const keptPerRun = (): number => {
    collect()
    const before = process.memoryUsage().heapUsed
    analyse()
    collect({ type: 'minor' })
    collect({ type: 'minor' })
    return (process.memoryUsage().heapUsed - before) / runs
  }
  analyse()
  // The compilers' own objects fall into some of the tries.
  expect(Math.min(...Array.from({ length: 5 }, keptPerRun))).toBeLessThan(100_000)
})
