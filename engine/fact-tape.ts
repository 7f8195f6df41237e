import type { BarSeries } from './bar-series.ts'
import { grownColumn, grownLength } from './grown-column.ts'
import { IntList } from './int-list.ts'
import type { Fact } from './signal.ts'

type FactData = Record<string, number | string | boolean | null>

/** What a fact of each shape says: names in order, with how each is kept. */
const shapes = {
  levels: {
    end: 'number',
    version: 'number',
    quality: 'number',
    ice: 'number',
    ice_strength: 'number',
    creek: 'number',
    creek_strength: 'number',
    jump: 'number',
    drop: 'number',
  },
  reason: { reason: 'text' },
  bias: { bias: 'text' },
  left: { reason: 'text', upwards: 'flag' },
  phase: { from: 'text', to: 'text', confidence: 'number', reason: 'text' },
  event: { confidence: 'number', price: 'number' },
  pattern: {
    status: 'text',
    confidence: 'number',
    tier: 'text',
    phase: 'text',
    phase_confidence: 'number',
    volume_ratio: 'number',
    test_bar: 'number',
    best_test_bar: 'number',
  },
  signal: {
    side: 'text',
    entry_price: 'number',
    stop_loss: 'number',
    primary_target: 'number',
    r_multiple: 'number',
    confidence: 'number',
    position_size: 'number',
    status: 'text',
    phase: 'text',
  },
  signalStatus: { from: 'text', to: 'text', price: 'number', reason: 'text' },
  rejection: { stage: 'text', reason: 'text' },
} as const satisfies Record<string, Record<string, 'number' | 'text' | 'flag'>>

type FactShape = keyof typeof shapes

const shapeNames = Object.keys(shapes) as FactShape[]
const shapeCode = Object.fromEntries(shapeNames.map((name, code) => [name, code])) as Record<
  FactShape,
  number
>
const shapeFields = shapeNames.map((shape) =>
  Object.entries(shapes[shape]).map(([name, how]) => ({ name, how })),
)

export const kinds: readonly Fact['kind'][] = [
  'RANGE_ACTIVE',
  'RANGE_REFRESHED',
  'RANGE_STATUS',
  'EVENT',
  'PHASE',
  'PATTERN',
  'PATTERN_UPDATED',
  'SIGNAL',
  'SIGNAL_STATUS',
  'REJECTION',
]
const kindCode = Object.fromEntries(kinds.map((kind, code) => [kind, code])) as Record<Fact['kind'], number>

/** Numbers that each fact takes in `heads`. */
const headSize = 7

/**
 * The facts of a run in columns: a run of a million bars finds hundreds of thousands, and as objects they would be
 * most of what it allocates. Written as a head, then its fields in the order of its shape; null is NaN, or text -1.
 */
export class FactTape {
  length = 0
  private readonly heads = new IntList()
  private fields: Float64Array = new Float64Array(0)
  private fieldCount = 0
  private readonly texts: string[] = []
  private readonly textCodes = new Map<string, number>()

  head(
    kind: Fact['kind'],
    bar: number,
    rangeStart: number,
    type: string,
    about: number,
    shape: FactShape,
  ): void {
    const { heads } = this
    heads.push(kindCode[kind])
    heads.push(bar)
    heads.push(rangeStart)
    heads.push(this.codeOf(type))
    heads.push(about)
    heads.push(shapeCode[shape])
    heads.push(this.fieldCount)
    this.length++
  }

  number(value: number | null): void {
    if (this.fieldCount === this.fields.length)
      this.fields = grownColumn(this.fields, grownLength(this.fields.length))
    this.fields[this.fieldCount++] = value ?? Number.NaN
  }

  text(value: string | null): void {
    this.number(value === null ? -1 : this.codeOf(value))
  }

  flag(value: boolean): void {
    this.number(value ? 1 : 0)
  }

  kindAt(place: number): Fact['kind'] {
    return kinds[this.codeAt(place)]
  }

  /** Position of its kind in `kinds`. */
  codeAt(place: number): number {
    return this.heads.values[place * headSize]
  }

  /** The bar at which it became known. */
  barAt(place: number): number {
    return this.heads.values[place * headSize + 1]
  }

  typeAt(place: number): string {
    return this.texts[this.heads.values[place * headSize + 3]]
  }

  /** The fact at a place, of a run over `bars`. */
  at(place: number, { symbol, timeframe, time }: BarSeries): Fact {
    const { values } = this.heads
    const head = place * headSize
    const data: FactData = {}
    this.read(place, data, true)
    const bar = values[head + 1]
    const rangeTime = time[values[head + 2]]
    const aboutTime = time[values[head + 4]]
    return {
      kind: this.kindAt(place),
      bar,
      time: time[bar],
      key: `${symbol}|${timeframe}|${rangeTime}|${this.typeAt(place)}|${aboutTime}`,
      data,
    }
  }

  /** What it says, its type first, without what is null: for who wants no more of it than that. */
  saidAt(place: number): Record<string, number | string | boolean> {
    const said: Record<string, number | string | boolean> = { type: this.typeAt(place) }
    this.read(place, said, false)
    return said
  }

  private read(place: number, into: FactData, nulls: boolean): void {
    const { fields, texts } = this
    const { values } = this.heads
    const head = place * headSize
    let field = values[head + 6]
    for (const { name, how } of shapeFields[values[head + 5]]) {
      const value = fields[field++]
      if (how === 'flag') into[name] = value === 1
      else if (how === 'number' ? Number.isNaN(value) : value === -1) {
        if (nulls) into[name] = null
      } else into[name] = how === 'number' ? value : texts[value]
    }
  }

  private codeOf(text: string): number {
    const known = this.textCodes.get(text)
    if (known !== undefined) return known
    const code = this.texts.push(text) - 1
    this.textCodes.set(text, code)
    return code
  }
}
