import { GCProfiler, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { BenchCase, SetupContext } from './case.ts'

export interface Allocation {
  readonly units: number
  /** Objects on the heap, per unit. */
  readonly heapBytes: number
  /** Typed-array stores beside the heap, per unit: results in columns. */
  readonly externalBytes: number
}

/** Flags of the process that measures: a young generation so large that nothing is collected during an iteration. */
export const allocationFlags = ['--min-semi-space-size=512', '--max-semi-space-size=512']

/**
 * Bytes that one warm iteration allocates, as the growth of the heap while no collection ran. The smallest of
 * several iterations counts: now and then the compiler's own objects fall into one.
 * Throws when a collection ran in every iteration.
 */
export async function measureAllocation(benchCase: BenchCase, context: SetupContext): Promise<Allocation> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const work = await benchCase.setup(context)
  let heapBytes = Number.POSITIVE_INFINITY
  let externalBytes = Number.POSITIVE_INFINITY
  for (let iteration = 0; iteration < 12; iteration++) {
    await work.prepare?.()
    collect()
    const profiler = new GCProfiler()
    profiler.start()
    const before = process.memoryUsage()
    let given = work.run()
    if (given instanceof Promise) given = await given
    const after = process.memoryUsage()
    const collections = profiler.stop().statistics.length
    if (iteration < 4 || collections > 0) continue
    heapBytes = Math.min(heapBytes, after.heapUsed - before.heapUsed)
    externalBytes = Math.min(externalBytes, after.arrayBuffers - before.arrayBuffers)
  }
  await work.close?.()
  if (!Number.isFinite(heapBytes)) throw new Error('a garbage collection ran in every iteration')
  return { units: work.units, heapBytes: heapBytes / work.units, externalBytes: externalBytes / work.units }
}
