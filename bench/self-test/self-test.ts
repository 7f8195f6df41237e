import type { BenchCase } from '../case.ts'
import { seededRandom } from '../statistics.ts'

/**
 * Not cases of the product: the gate's self-test puts this file into a repository of its own and plants a slowdown by
 * changing one of these shares, which makes that kernel really do so much more work for the same units.
 */
const planted = { arithmetic: 0, branches: 0, objects: 0, text: 0 }

const size = 20_000

function withPlanted(share: number): number {
  return Math.round(size * (1 + share))
}

function kernel(
  name: keyof typeof planted,
  about: string,
  prepare: () => (count: number) => unknown,
): BenchCase {
  return {
    name: `self-test/${name}`,
    unit: 'item',
    about,
    kernel: true,
    budgets: [{ kind: 'ceiling', maxNs: 1e6, reason: 'Exists to be compared, not to be fast.' }],
    setup() {
      const work = prepare()
      return { units: size, run: () => work(withPlanted(planted[name])) }
    },
  }
}

function numbers(seed: number): Float64Array {
  const random = seededRandom(seed)
  return Float64Array.from({ length: size * 2 }, random)
}

export default [
  kernel('arithmetic', 'rolling sums over an array', () => {
    const values = numbers(1)
    const out = new Float64Array(values.length)
    return (count) => {
      let sum = 0
      for (let i = 0; i < count; i++) {
        sum += values[i] - (i >= 20 ? values[i - 20] : 0)
        out[i] = Math.sqrt(sum * sum + 1)
      }
      return sum
    }
  }),
  kernel('branches', 'a decision per item that cannot be foreseen', () => {
    const values = numbers(2)
    return (count) => {
      let state = 0
      for (let i = 0; i < count; i++) {
        const value = values[i]
        if (value < 0.3) state += 1
        else if (value < 0.6) state -= 2
        else state = (state * 3 + 1) & 0xffff
      }
      return state
    }
  }),
  kernel('objects', 'short-lived objects and a map', () => {
    const values = numbers(3)
    return (count) => {
      const seen = new Map<number, { count: number; last: number }>()
      for (let i = 0; i < count; i++) {
        const key = Math.floor(values[i] * 256)
        seen.set(key, { count: (seen.get(key)?.count ?? 0) + 1, last: i })
      }
      return seen.size
    }
  }),
  kernel('text', 'numbers to text and back', () => {
    const values = numbers(4)
    return (count) => {
      let sum = 0
      for (let i = 0; i < count; i++) sum += Number(values[i].toFixed(4).slice(2))
      return sum
    }
  }),
] satisfies BenchCase[]
