import { VolumeAnalysis, type BarSeries } from '@tapescope/engine'
import type { BenchCase, Budget, Rival } from '../case.ts'
import { config } from '../config.ts'
import { hasCompiler } from '../native/compiler.ts'
import { startReference, type Reference } from '../native/reference.ts'
import { unseenBars } from '../unseen-bars.ts'

/** Bars in one call, as the engine does it: small enough for the cache, long enough for the loop. */
const block = 4_096

function analyse(bars: BarSeries): VolumeAnalysis {
  const analysis = new VolumeAnalysis(bars.length)
  for (let first = 0; first < bars.length; first += block)
    analysis.run(bars, first, Math.min(first + block, bars.length))
  return analysis
}

async function sameAsC(c: Reference, bars: BarSeries): Promise<void> {
  await c.load(bars)
  const [, sum, efforts] = await c.pass('volume')
  const ours = analyse(bars)
  let ourSum = 0
  let ourEfforts = 0
  for (let i = 20; i < bars.length; i++) {
    if (!Number.isNaN(ours.volumeRatio[i]))
      ourSum += ours.volumeRatio[i] + ours.spreadRatio[i] + ours.closePosition[i]
    ourEfforts += ours.effort[i]
  }
  if (ourEfforts !== efforts || Math.abs(ourSum - sum) > 1e-9 * Math.abs(sum))
    throw new Error(`C gives ${sum} and ${efforts}, the engine ${ourSum} and ${ourEfforts}`)
}

function volumeCase(length: number): BenchCase {
  const budgets: Budget[] = [
    {
      kind: 'ceiling',
      maxNs: 60,
      reason: 'Four times the 15 ns of a quiet machine; C decides, not the clock.',
    },
  ]
  if (hasCompiler())
    budgets.push({
      kind: 'ratio',
      rival: 'C',
      max: 1.4,
      reason: 'Volume analysis may cost 1.4 times C of the same rules.',
    })
  return {
    name: `volume/${length / 1000}k`,
    unit: 'bar',
    about: `volume ratio, spread ratio, close position and effort of ${length} unseen bars`,
    budgets,
    gate: length <= 100_000,
    quick: length <= 100_000,
    kernel: true,
    setup({ seed, rivals }) {
      const next = unseenBars(length, seed)
      let bars = next()
      const reference = rivals ? startReference() : undefined
      const rival: Rival[] =
        reference === undefined
          ? []
          : [
              {
                name: 'C',
                units: length,
                timesItself: true,
                prepare: () => reference.load(bars),
                run: async () => (await reference.pass('volume'))[0],
              },
            ]
      return {
        units: length,
        prepare: () => void (bars = next()),
        run: () => analyse(bars),
        rivals: rival,
        ...(reference === undefined
          ? {}
          : { verify: () => sameAsC(reference, bars), close: () => reference.close() }),
      }
    },
  }
}

export default config.unseenSizes.map(volumeCase)
