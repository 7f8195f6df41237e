const firstRows = 64

/** Rows of numbers that only ever grow, in chunks that double: none is copied, and at most half of the memory is spare. */
export class Rows {
  readonly width: number
  count = 0
  /** Where the row under way is written, from `at` on. */
  chunk: Float64Array
  at = 0
  private end = 0
  private room: number
  private readonly chunks: Float64Array[]

  constructor(width: number) {
    this.width = width
    this.room = firstRows * width
    this.chunk = new Float64Array(this.room)
    this.chunks = [this.chunk]
  }

  /** Begins a row: its values belong at `chunk[at]` to `chunk[at + width - 1]`. */
  add(): void {
    if (this.end === this.room) {
      this.room *= 2
      this.chunk = new Float64Array(this.room)
      this.chunks.push(this.chunk)
      this.end = 0
    }
    this.at = this.end
    this.end += this.width
    this.count++
  }

  get(row: number, column: number): number {
    // Chunk k holds firstRows << k rows, and those before it one firstRows less.
    const k = 31 - Math.clz32((row >>> 6) + 1)
    return this.chunks[k][(row - firstRows * ((1 << k) - 1)) * this.width + column]
  }
}
