import type { BenchCase } from '../case.ts'
import { seededRandom } from '../statistics.ts'

/** Moving averages with branches over one array: arithmetic, memory and jumps in the mix of the engine's kernels. */
function sweep(values: Float64Array, out: Float64Array): number {
  let sum = 0
  let above = 0
  for (let i = 0; i < values.length; i++) {
    sum += values[i] - (i >= 20 ? values[i - 20] : 0)
    const mean = sum / Math.min(i + 1, 20)
    out[i] = mean
    if (values[i] > mean) above += 1
  }
  return above
}

/** The gate runs it against itself: when even this seems to have changed, the machine is too noisy to judge anything. */
const kernel: BenchCase = {
  name: 'canary/kernel',
  unit: 'value',
  about: 'moving average and a branch per value; depends on nothing of the product',
  kernel: true,
  budgets: [
    {
      kind: 'ceiling',
      maxNs: 200,
      reason: 'A control: far above any sane machine, it tells only that it ran.',
    },
  ],
  setup({ seed }) {
    const random = seededRandom(seed)
    const values = Float64Array.from({ length: 100_000 }, random)
    const out = new Float64Array(values.length)
    return { units: values.length, run: () => sweep(values, out) }
  },
}

export default kernel
