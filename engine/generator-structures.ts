import type { Shape, Tape } from './generator-tape.ts'

export type PlantedType =
  | 'SC'
  | 'BC'
  | 'AR'
  | 'ST'
  | 'SPRING'
  | 'TEST'
  | 'SOS'
  | 'SOW'
  | 'LPS'
  | 'LPSY'
  | 'UTAD'
  | 'A_RESTARTED'
  | 'SPRING_FAILED'
  | 'SPRING_CANCELLED'
  | 'BREAKOUT_FAILED'
  | 'BREAKDOWN'
  | 'ESCAPE'
  | 'EXPIRY'
  | 'GAP'
  | 'ZERO_VOLUME'
  | 'HALT'
  | 'STOP_AND_TARGET'

/** Something the generator wrote on purpose. */
export interface Planted {
  readonly type: PlantedType
  /** The bar where it stands (pierce bar of a Spring or UTAD, low of an LPS). */
  readonly bar: number
  /** The bar at whose close it can be known, as far as the bars decide it. */
  readonly known: number
  readonly structure: StructureName
  /** Which structure of the series, from 0. */
  readonly number: number
  readonly bias: 'ACCUMULATION' | 'DISTRIBUTION'
}

type Course = (script: Script) => void

const courses = {
  '': (s) => {
    s.range()
    s.spring()
    s.sos(strong)
    s.lps()
    s.markup()
  },
  '-pending': (s) => {
    s.range()
    s.spring()
    s.sos(weak)
    s.lps()
    s.markup()
  },
  /** The breakout is sold into: in an accumulation a UTAD against the trend, in phase E. */
  '-upthrust': (s) => {
    s.range()
    s.spring()
    s.sos(strong)
    s.lps()
    s.upthrust()
    s.markup()
  },
  /** No Test: the SOS comes straight after the recovery ("late C"). */
  '-late': (s) => {
    s.range()
    s.spring('without a test')
    s.sos(strong)
    s.lps()
    s.markup()
  },
  /** Neither Spring nor UTAD: the breakout comes out of phase B, which only `standard` takes. */
  '-direct': (s) => {
    s.range()
    s.tape.swing(5, 1.03)
    s.tape.swing(4, 1.06)
    s.sos(strong)
    s.lps()
    s.markup()
  },
  '-breakout-failed': (s) => {
    s.range()
    s.spring()
    s.sos(strong)
    s.breakoutFails()
    s.sos(strong)
    s.lps()
    s.markup()
  },
  '-spring-failed': (s) => {
    s.range()
    s.spring('fails')
    s.tape.swing(6, 1.033)
    s.tape.swing(6, 1.018)
    s.spring('deeper')
    s.sos(strong)
    s.lps()
    s.markup()
  },
  '-spring-cancelled': (s) => {
    s.range()
    s.springTooDeep()
    s.tape.swing(10, 1.06)
    s.breakdown({ ratio: 1.2 })
  },
  '-climax-restarted': (s) => {
    s.rangeAboveItsClimax()
    s.climaxAgain()
    s.escape()
  },
  '-escape': (s) => {
    s.range()
    s.escape()
  },
  '-expiry': (s) => {
    s.range()
    s.oscillate(8)
    s.plant('EXPIRY')
    s.markup()
  },
  '-breakdown-weak': (s) => {
    s.range()
    s.tape.swing(4, 1.04)
    s.breakdown({ ratio: 1.2 })
  },
  '-breakdown-heavy': (s) => {
    s.range()
    s.tape.swing(4, 1.04)
    s.breakdown({ ratio: 1.8 })
  },
  /** After a traded Spring or UTAD the price gaps through the stop. */
  '-breakdown-gap': (s) => {
    s.range()
    s.spring()
    s.tape.swing(4, 1.03)
    s.breakdown({ ratio: 2.4 })
  },
  /** After a traded Spring or UTAD one wild bar spans stop and first targets. */
  '-wild-bar': (s) => {
    s.range()
    s.spring()
    s.wildBar()
    s.tape.swing(6, 1.08)
    s.markup()
  },
} satisfies Record<string, Course>

export type StructureName = `${'accumulation' | 'distribution'}${keyof typeof courses}`

/** Every structure that can be planted; the mirrored name runs the same course in a mirrored frame. */
export const structures = Object.fromEntries(
  Object.entries(courses).flatMap(([suffix, course]) => [
    [`accumulation${suffix}`, course],
    [`distribution${suffix}`, course],
  ]),
) as Record<StructureName, Course>

const strong: Shape = { ratio: 2.7, spread: 1.8, close: 0.85 }
const weak: Shape = { ratio: 1.63, spread: 1.35, close: 0.72 }

/** Where supports lie: accumulation near 100, distribution well above, so that neighbours share no price. */
const centre = { ACCUMULATION: 100, DISTRIBUTION: 168 }

interface Touch {
  price: number
  volume: number
}

/**
 * Writes structures onto a tape and keeps the labels. All levels are in the tape's frame: support 1, resistance
 * near 1.12 (wide enough for a UTAD to be worth R >= 2), all directions those of an accumulation.
 */
export class Script {
  readonly tape: Tape
  readonly planted: Planted[] = []
  #name: StructureName = 'accumulation'
  #number = -1
  #bias: Planted['bias'] | undefined
  #lows: Touch[] = []
  #highs: Touch[] = []

  constructor(tape: Tape) {
    this.tape = tape
  }

  write(name: StructureName): void {
    const bias = name.startsWith('accumulation') ? 'ACCUMULATION' : 'DISTRIBUTION'
    const again = bias === this.#bias
    this.#name = name
    this.#bias = bias
    this.#number++
    this.#lows = []
    this.#highs = []
    const base = centre[bias] * Math.exp(this.tape.random.between(-0.09, 0.09))
    this.tape.setFrame(base, bias === 'DISTRIBUTION')
    this.#approach(again)
    structures[name](this)
  }

  plant(type: PlantedType, bar = this.tape.length - 1, known = bar): void {
    const bias = this.#bias ?? 'ACCUMULATION'
    this.planted.push({ type, bar, known, structure: this.#name, number: this.#number, bias })
  }

  /** The bearish name of an event in a mirrored frame. */
  #side(rising: PlantedType, falling: PlantedType): PlantedType {
    return this.tape.mirrored ? falling : rising
  }

  /** Support as the touches so far make it: their volume-weighted mean (method 5). */
  get #ice(): number {
    return this.tape.level(weightedMean(this.#lows))
  }

  get #creek(): number {
    return this.tape.level(weightedMean(this.#highs))
  }

  #touchLow(bars: number, level: number, shape: Shape): void {
    this.tape.swing(bars - 1, level * 1.021)
    const bar = this.tape.low(level, shape)
    this.#lows.push({ price: this.tape.price(level), volume: this.tape.volumeAt(bar) })
  }

  #touchHigh(bars: number, level: number, shape: Shape): void {
    this.tape.swing(bars - 1, level / 1.021)
    const bar = this.tape.high(level, shape)
    this.#highs.push({ price: this.tape.price(level), volume: this.tape.volumeAt(bar) })
  }

  /** The trend into the climax; `again` when the structure before had the same bias, whose pivots must age. */
  #approach(again: boolean): void {
    if (again) this.tape.swing(70, 1.5)
    else if (this.tape.last < 1.15) this.tape.swing(25, 1.4)
    const distance = Math.log(this.tape.last / 1.034)
    this.tape.swing(Math.max(again ? 60 : 24, Math.ceil(distance / 0.013)), 1.034)
  }

  /** Climax, rally, tests: 51 bars with three highs and four lows. */
  range(): void {
    this.#touchLow(1, 1, { ratio: 2.9, spread: 2, close: 0.75 })
    this.plant(this.#side('SC', 'BC'))
    this.#touchHigh(5, 1.12, { ratio: 1.3 })
    this.plant('AR', this.tape.length - 1, this.tape.length + 4)
    this.#touchLow(9, 1.004, { ratio: 1.15 })
    this.plant('ST')
    this.#touchHigh(9, 1.117, { ratio: 0.95 })
    this.#touchLow(9, 1.006, { ratio: 0.85 })
    this.plant('ST')
    this.#touchHigh(9, 1.118, { ratio: 0.75 })
    this.#touchLow(9, 1.007, { ratio: 0.65 })
  }

  /** More of the same, growing quieter. */
  oscillate(swings: number): void {
    for (let k = 0; k < swings; k++) {
      this.#touchHigh(9, 1.117 + 0.0005 * k, { ratio: 0.9 })
      this.#touchLow(9, 1.006 + 0.0003 * k, { ratio: 0.9 })
    }
  }

  /** A false break of support: quiet, and of resistance in a mirrored frame: loud and shallow (a UTAD). */
  spring(course: 'tested' | 'without a test' | 'fails' | 'deeper' = 'tested'): void {
    const { tape } = this
    const ice = this.#ice
    // Peaks of their own, more than 0.02 apart, so that they make no cluster in the middle of the range.
    tape.swing(8, course === 'deeper' ? 1.09 : 1.06)
    tape.swing(6, ice * 1.022)
    let low = ice * 0.984
    if (tape.mirrored) {
      low = ice / 1.007
      tape.low(low, { ratio: 2.2, close: 0.85 })
      this.plant('UTAD')
    } else {
      if (course === 'deeper') low = ice * 0.976
      tape.low(low, { ratio: 0.38, close: 0.5 })
      this.plant('SPRING', tape.length - 1, tape.length)
      tape.closing(ice * 1.008, { ratio: 0.8, spread: 0.9, close: 0.8 })
    }
    if (course === 'fails') {
      for (let k = 0; k < 3; k++) tape.closing(low * 1.004, { ratio: 0.95, spread: 0.8, close: 0.6 })
      this.plant('SPRING_FAILED')
      return
    }
    if (course === 'without a test') {
      tape.swing(2, ice * 1.035)
    } else {
      tape.swing(3, ice * 1.03)
      tape.swing(1, ice * 1.02)
      tape.low(ice * 1.001, { ratio: 0.22, spread: 0.8 })
      if (!tape.mirrored) this.plant('TEST')
    }
    tape.swing(5, 1.07)
  }

  springTooDeep(): void {
    const { tape } = this
    const ice = this.#ice
    tape.swing(8, 1.06)
    tape.swing(6, ice * 1.015)
    tape.low(ice * 0.985, { ratio: 0.4, close: 0.4 })
    const pierce = tape.length - 1
    tape.low(ice * 0.94, { ratio: 0.6, spread: 1.6, close: 0.8 })
    this.plant('SPRING_CANCELLED', pierce, pierce + 1)
    tape.swing(2, ice * 1.01)
  }

  sos(shape: Shape): void {
    const creek = this.#creek
    this.tape.swing(4, creek * 0.985)
    this.tape.closing(creek * (shape === strong ? 1.025 : 1.013), shape)
    this.plant(this.#side('SOS', 'SOW'))
  }

  lps(): void {
    const creek = this.#creek
    const after = this.tape.last
    this.tape.swing(2, (after + creek * 1.009) / 2)
    const bar = this.tape.low(creek * 1.003, { ratio: 0.5, spread: 0.6, close: 0.6 })
    this.tape.closing(creek * 1.02, { ratio: 0.9, spread: 0.8, close: 0.8 })
    this.plant(this.#side('LPS', 'LPSY'), bar, bar + 1)
  }

  /** Above the resistance and back under it on heavy volume. */
  upthrust(): void {
    const creek = this.#creek
    const high = creek * 1.0075
    this.tape.swing(3, creek * 1.03)
    this.tape.swing(3, creek * 1.002)
    this.tape.high(high, { ratio: 2.1, spread: 0.9, close: 0.1 })
    if (!this.tape.mirrored) this.plant('UTAD')
    this.tape.swing(4, creek * 1.03)
  }

  breakoutFails(): void {
    const creek = this.#creek
    this.tape.swing(2, creek)
    this.tape.closing(creek * 0.968, { ratio: 0.9, close: 0.3 })
    this.plant('BREAKOUT_FAILED')
    this.tape.swing(5, creek * 0.95)
  }

  /** Far below support at once, with a gap; then the trend goes on downward. */
  breakdown({ ratio }: { ratio: number }): void {
    const { tape } = this
    const ice = this.#ice
    tape.swing(3, ice * 1.02)
    const range = 0.02
    const low = ice * 0.925
    tape.put(low, low + range, low + range * 0.9, low + range * 0.15, ratio * this.#usualVolume())
    this.plant('BREAKDOWN')
    this.plant('GAP')
    tape.swing(8, 0.86)
  }

  #usualVolume(): number {
    let sum = 0
    for (let i = this.tape.length - 20; i < this.tape.length; i++) sum += this.tape.volumeAt(i)
    return sum / 20
  }

  /** Quietly away from the range without a sign of strength. */
  escape(): void {
    const creek = this.#creek
    this.tape.swing(9, creek * 0.99)
    this.tape.swing(7, creek * 1.075)
    this.plant('ESCAPE')
    this.markup()
  }

  wildBar(): void {
    const { tape } = this
    const close = tape.last
    tape.put(0.9, 1.3, close, close, 0.9 * this.#usualVolume())
    this.plant('STOP_AND_TARGET')
  }

  /** A range whose lows stay too far above the climax to test it, so that phase A waits. */
  rangeAboveItsClimax(): void {
    const { tape } = this
    tape.low(0.962, { ratio: 2.9, spread: 2, close: 0.75 })
    this.plant(this.#side('SC', 'BC'))
    this.#touchHigh(5, 1.12, { ratio: 1.3 })
    this.plant('AR', tape.length - 1, tape.length + 4)
    this.#touchLow(9, 1.004, { ratio: 1.25 })
    this.#touchHigh(9, 1.117, { ratio: 0.95 })
    this.#touchLow(9, 1.006, { ratio: 0.85 })
    this.#touchHigh(9, 1.118, { ratio: 0.75 })
    this.#touchLow(9, 1.007, { ratio: 0.65 })
  }

  /** A worse climax before any test: phase A starts again from it. */
  climaxAgain(): void {
    const { tape } = this
    tape.swing(5, 1.05)
    tape.swing(5, 1)
    tape.low(0.955, { ratio: 3.5, spread: 2, close: 0.65 })
    this.plant('A_RESTARTED')
    this.plant(this.#side('SC', 'BC'))
    tape.swing(5, 1.06)
    tape.swing(9, 0.985)
    tape.low(0.962, { ratio: 1.1 })
    this.plant('ST')
    tape.swing(5, 1.03)
  }

  /** Away in the direction of the break, over ordinary accidents: a gap, a bar without trades, a halt. */
  markup(): void {
    const { tape } = this
    const far = 1.38
    tape.swing(6, tape.last * 1.07)
    if (tape.random.next() < 0.5) {
      const open = tape.last * 1.05
      tape.put(open * 0.997, open * 1.012, open, open * 1.008, 1_000_000)
      this.plant('GAP')
    }
    if (tape.random.next() < 0.5) {
      const at = tape.last
      tape.put(at, at, at, at, 0)
      this.plant('ZERO_VOLUME')
    }
    if (tape.random.next() < 0.15) {
      const at = tape.last
      const first = tape.length
      for (let k = 0; k < 22; k++) tape.put(at, at, at, at, 0)
      this.plant('HALT', first, tape.length - 1)
    }
    if (tape.last < far) tape.swing(Math.ceil(Math.log(far / tape.last) / 0.013), far)
  }
}

function weightedMean(touches: readonly Touch[]): number {
  let sum = 0
  let volume = 0
  for (const touch of touches) {
    sum += touch.price * touch.volume
    volume += touch.volume
  }
  return sum / volume
}
