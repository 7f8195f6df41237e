import type { BarSeries, Timeframe } from './bar-series.ts'
import { seededRandom } from './generator-random.ts'
import { Script, structures } from './generator-structures.ts'
import type { Planted, StructureName } from './generator-structures.ts'
import { Tape } from './generator-tape.ts'

export interface GeneratorOptions {
  /** Any whole number; the same options give the same bars. */
  seed: number
  /** How many bars. */
  length: number
  symbol?: string
  timeframe?: Timeframe
  /** Open time of the first bar, epoch milliseconds UTC; bars follow each other without a hole. */
  start?: number
  /**
   * What to plant, over and over, in this order. Default: a full accumulation (Spring, Test, SOS, LPS) and a full
   * distribution (UTAD, SOW, LPSY), then two of the other structures in turn, and so on.
   */
  structures?: readonly StructureName[]
}

export interface GeneratedBars {
  readonly bars: BarSeries
  /** What was planted, in order of the bar at which it stands. */
  readonly planted: readonly Planted[]
}

/** Far more bars than the longest structure with the ways to it and from it takes. */
const slack = 1_000

/**
 * Seeded bars with known structures planted in them: the test bed of the signal engine and the material of its
 * benchmarks. With the default structures, each 1,000 bars hold at least one SC, Spring with Test, SOS, LPS and UTAD.
 */
export function generateBars(options: GeneratorOptions): GeneratedBars {
  const { seed, length, symbol = 'GEN', timeframe = '1d', start = 946_684_800_000 } = options
  if (!Number.isInteger(length) || length < 0)
    throw new RangeError(`length must be a whole number of bars, got ${length}`)
  const order = options.structures ?? defaultOrder
  for (const name of order)
    if (!Object.hasOwn(structures, name))
      throw new RangeError(`unknown structure "${name}"; known: ${Object.keys(structures).join(', ')}`)
  if (order.length === 0) throw new RangeError('structures must name at least one structure')

  const tape = new Tape(seededRandom(seed), length + slack, start, timeframe)
  const script = new Script(tape)
  for (let k = 0; tape.length < length; k++) script.write(order[k % order.length])
  return {
    bars: tape.series(symbol, timeframe, length),
    planted: script.planted.filter((label) => label.known < length),
  }
}

const plain: readonly StructureName[] = ['accumulation', 'distribution']
const pending: readonly StructureName[] = ['accumulation-pending', 'distribution-pending']

/** Two full structures, then two others: within 1,000 bars every tradable pattern comes. */
const defaultOrder: readonly StructureName[] = (() => {
  const others = (Object.keys(structures) as StructureName[]).filter(
    (name) => !plain.includes(name) && !pending.includes(name),
  )
  const rising = others.filter((name) => name.startsWith('accumulation'))
  const falling = others.filter((name) => name.startsWith('distribution'))
  return rising.flatMap((name, k) => [...(k % 2 ? pending : plain), name, falling[k]])
})()
