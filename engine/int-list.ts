/** A growing list of 32-bit integers without an object per entry. */
export class IntList {
  length = 0
  values: Int32Array

  constructor(capacity = 64) {
    this.values = new Int32Array(capacity)
  }

  push(value: number): void {
    if (this.length === this.values.length) {
      const next = new Int32Array(this.values.length * 2)
      next.set(this.values)
      this.values = next
    }
    this.values[this.length++] = value
  }
}
