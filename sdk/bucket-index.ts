/**
 * Which bucket a value falls into, in constant time: the exponent and the two highest bits of the fraction lead to
 * the first bucket that is possible, and from there it is a step or two. A binary search over 24 bounds takes twice
 * as long, because its branches cannot be predicted.
 */
export class BucketIndex {
  /** Upper bounds, inclusive, with Infinity at the end so that a search ends. */
  readonly bounds: Float64Array
  /** Key of a value, less `lowest`, to the first bucket whose bound is not below all values of that key. */
  readonly first: Uint8Array
  readonly lowest: number

  constructor(boundaries: readonly number[]) {
    this.bounds = Float64Array.from([...boundaries, Infinity])
    this.lowest = keyOf(boundaries[0])
    const highest = keyOf(boundaries.at(-1)!)
    // One key below the lowest bound stands for everything smaller, one above the highest for everything greater.
    this.first = new Uint8Array(highest - this.lowest + 2)
    for (let key = 0; key < this.first.length; key++) {
      const smallest = smallestOf(key + this.lowest)
      this.first[key] = this.bounds.findIndex((bound) => bound >= smallest)
    }
    this.first[0] = 0
  }

  /** Position of the bucket for a value >= 0. */
  of(value: number): number {
    float[0] = value
    let key = (words[1] >>> 18) - this.lowest
    if (key < 0) key = 0
    else if (key >= this.first.length) key = this.first.length - 1
    const { bounds } = this
    let bucket = this.first[key]
    while (value > bounds[bucket]) bucket++
    return bucket
  }
}

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
const halfWords = new Uint32Array(2)

function keyOf(value: number): number {
  float[0] = value
  return words[1] >>> 18
}

function smallestOf(key: number): number {
  halfWords[0] = 0
  halfWords[1] = key << 18
  return new Float64Array(halfWords.buffer)[0]
}
