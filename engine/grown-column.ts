/** Up to here a column that is full grows fourfold: what is not yet written to takes addresses, but no memory. */
const fourfoldUpTo = 1 << 20

/** The next length of columns that are full. */
export const grownLength = (length: number): number => Math.max(64, length * (length < fourfoldUpTo ? 4 : 2))

/** A longer column that begins with the old one. */
export const grownColumn = (column: Float64Array, length: number): Float64Array => {
  const next = new Float64Array(length)
  next.set(column)
  return next
}
