/** What stands for every value of a label beyond its bound. */
const overflowValue = '__overflow__'
/** What stands for a value that is no string, is empty, or is longer than 128 characters. */
const invalidValue = '__invalid__'

const longestValue = 128
const bounds: Readonly<Record<string, number>> = { symbol: 500 }
const otherBound = 200

/**
 * Bounds the values of each label over the life of the process, first come first served: a user's string must not be
 * able to fill the memory. The totals stay exact, because what is over the bound goes to one series.
 */
export class LabelBounds {
  private readonly seen = new Map<string, Set<string>>()
  private readonly refused: (reason: string) => void

  constructor(refused: (reason: string) => void) {
    this.refused = refused
  }

  admit(label: string, value: unknown): string {
    if (typeof value !== 'string' || value === '' || value.length > longestValue) {
      this.refused('label_invalid')
      return invalidValue
    }
    let values = this.seen.get(label)
    if (values === undefined) this.seen.set(label, (values = new Set()))
    if (values.has(value)) return value
    if (value === overflowValue || values.size >= (bounds[label] ?? otherBound)) return overflowValue
    values.add(value)
    return value
  }
}
