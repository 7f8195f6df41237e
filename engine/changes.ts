/** What the current bar has changed, each once. Cleared at every bar, so it keeps its store. */
export class Changes<T> {
  private readonly items: T[] = []
  count = 0

  add(item: T): void {
    for (let k = 0; k < this.count; k++) if (this.items[k] === item) return
    this.items[this.count++] = item
  }

  clear(): void {
    this.count = 0
  }

  map<U>(copy: (item: T) => U): U[] {
    const copies: U[] = []
    for (let k = 0; k < this.count; k++) copies.push(copy(this.items[k]))
    return copies
  }
}
