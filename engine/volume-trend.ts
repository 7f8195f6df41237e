/**
 * Whether a volume ratio falls over time: `dry` when the later half's mean is below 0.85 of the earlier's, `steady`
 * below 1.15, else 0; 0 when fewer than two are known (method 4.4, 5). Halves split at floor(n/2).
 */
export const volumeTrendPoints = (
  ratios: Float64Array,
  count: number,
  dry: number,
  steady: number,
): number => {
  if (count < 2) return 0
  const half = count >> 1
  let earlier = 0
  let later = 0
  for (let k = 0; k < half; k++) earlier += ratios[k]
  for (let k = half; k < count; k++) later += ratios[k]
  earlier /= half
  later /= count - half
  return later < 0.85 * earlier ? dry : later < 1.15 * earlier ? steady : 0
}
