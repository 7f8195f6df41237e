import {
  createSignalEngine,
  generateBars,
  patternTypes,
  type BarSeries,
  type PatternType,
} from '@tapescope/engine'

/** A bar at whose close patterns of these types were confirmed. */
interface PatternBar {
  readonly bar: number
  readonly types: readonly PatternType[]
}

const engine = createSignalEngine({ preset: 'standard' })

/** The bars from `first` on at which a pattern was confirmed, ascending, as the engine finds them. */
export function patternBars(bars: BarSeries, first = 0): PatternBar[] {
  const found = new Map<number, PatternType[]>()
  for (const { confirmedBar, type } of engine.generate(bars).patterns) {
    if (confirmedBar < first) continue
    const types = found.get(confirmedBar)
    if (types === undefined) found.set(confirmedBar, [type])
    else types.push(type)
  }
  return [...found].sort(([a], [b]) => a - b).map(([bar, types]) => ({ bar, types }))
}

export interface Stop extends PatternBar {
  readonly bars: BarSeries
}

/**
 * Walks for ever from one bar with a pattern to the next, through generated series of `length` bars of which the first
 * `history` are only there to look back on; a series that is used up is followed by one of another seed and symbol.
 * The types of `wanted` take turns, so that a few stops hold them all.
 */
export function* walkPatternBars(options: {
  seed: number
  history: number
  length: number
  symbol?: string
  wanted?: readonly PatternType[]
}): Generator<Stop, never> {
  const { seed, history, length, symbol = 'NFR', wanted = patternTypes } = options
  let turn = 0
  let sinceLast = 0
  for (let k = 0; ; k++) {
    const { bars } = generateBars({ seed: seed + k, length, symbol: `${symbol}${k}` })
    for (const stop of patternBars(bars, history)) {
      if (!stop.types.includes(wanted[turn % wanted.length])) continue
      turn++
      sinceLast = 0
      yield { ...stop, bars }
    }
    if (++sinceLast > 10)
      throw new Error(`ten series in turn hold no ${wanted[turn % wanted.length]}: nothing to measure`)
  }
}

/** Counts patterns by type. */
export class PatternCount {
  private readonly counts = new Map<PatternType, number>(patternTypes.map((type) => [type, 0]))

  add(types: readonly PatternType[]): void {
    for (const type of types) this.counts.set(type, this.counts.get(type)! + 1)
  }

  /** `3 SPRING, 2 SOS`. @throws when a type of `wanted` has not occurred: what was measured then is no proof. */
  told(wanted: readonly PatternType[] = patternTypes): string {
    const missing = wanted.filter((type) => this.counts.get(type) === 0)
    if (missing.length > 0) throw new Error(`no ${missing.join(', no ')} was found while measuring`)
    return wanted.map((type) => `${this.counts.get(type)} ${type}`).join(', ')
  }
}
