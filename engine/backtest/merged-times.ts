/** The distinct times of several ascending columns, ascending. */
export function mergedTimes(columns: readonly Float64Array[]): Float64Array {
  let merged = columns[0] ?? new Float64Array(0)
  for (const column of columns.slice(1)) merged = mergedPair(merged, column)
  return merged
}

function mergedPair(a: Float64Array, b: Float64Array): Float64Array {
  const merged = new Float64Array(a.length + b.length)
  let [i, k, length] = [0, 0, 0]
  while (i < a.length || k < b.length) {
    const time = k === b.length || a[i] <= b[k] ? a[i] : b[k]
    if (a[i] === time) i++
    if (b[k] === time) k++
    merged[length++] = time
  }
  return merged.slice(0, length)
}
