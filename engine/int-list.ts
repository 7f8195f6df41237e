const nothing = new Int32Array(0)
const firstCapacity = 64

/** A growing list of 32-bit integers without an object per entry; a list that stays empty takes no memory. */
export class IntList {
  length = 0
  values: Int32Array = nothing

  push(value: number): void {
    if (this.length === this.values.length) {
      const next = new Int32Array(Math.max(firstCapacity, this.values.length * 2))
      next.set(this.values)
      this.values = next
    }
    this.values[this.length++] = value
  }
}
