// Walks one hot path for a while in a process of its own and samples it, for `npm run profile`:
// sample-process.ts --path NAME --kind cpu|heap --root CHECKOUT --seconds N --file FILE-WITHOUT-EXTENSION
import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { parseArgs } from 'node:util'
import { toHeapSpeedscope } from '../../sdk/profile-heap.ts'
import { startProfiler } from '../../sdk/profile.ts'
import { config } from '../config.ts'
import { type HotPath, openPath } from './hot-path.ts'

export type SampleKind = 'cpu' | 'heap'

/** What the process tells beside the files that it writes. */
export interface Sampled {
  readonly units: number
  readonly unit: string
  /** Of the main thread while it was sampled. */
  readonly cpuNs: number
  readonly seconds: number
  readonly proof: string
}

/** 2 kHz. */
const intervalUs = 500
/** Mean distance of two sampled allocations, bytes. */
const allocationInterval = 16_384
const warmSeconds = 3

const { values } = parseArgs({
  options: {
    path: { type: 'string', default: '' },
    kind: { type: 'string', default: '' },
    root: { type: 'string', default: '' },
    seconds: { type: 'string', default: '30' },
    file: { type: 'string', default: '' },
  },
})
const path = await openPath(values.path as HotPath, values.root, config.seed)
await walk(warmSeconds)
const stop = values.kind === 'cpu' ? await sampleCpu(values.file) : await sampleHeap(values.file)
const cpuBefore = process.threadCpuUsage()
const began = performance.now()
const units = await walk(Number(values.seconds))
const seconds = (performance.now() - began) / 1000
const { user, system } = process.threadCpuUsage(cpuBefore)
await stop()
const sampled: Sampled = {
  units,
  unit: path.unit,
  cpuNs: (user + system) * 1000,
  seconds,
  proof: path.proof(),
}
await path.close?.()
process.stdout.write(JSON.stringify(sampled))

async function walk(forSeconds: number): Promise<number> {
  const until = performance.now() + forSeconds * 1000
  let done = 0
  do {
    const step = path.step()
    done += typeof step === 'number' ? step : await step
  } while (performance.now() < until)
  return done
}

async function sampleCpu(file: string): Promise<() => Promise<void>> {
  const profiler = await startProfiler({ intervalUs, ringSeconds: Infinity, service: values.path, file })
  return async () => {
    const { problem } = await profiler.stop()
    if (problem !== undefined) throw new Error(`the profile is not whole: ${problem}`)
  }
}

/** All that is allocated, not only what is alive in the end. */
async function sampleHeap(file: string): Promise<() => Promise<void>> {
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: allocationInterval,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  return async () => {
    const { profile } = await session.post('HeapProfiler.stopSampling')
    session.disconnect()
    await writeFile(`${file}.heapprofile`, JSON.stringify(profile))
    const speedscope = toHeapSpeedscope(values.path, profile.head)
    await writeFile(`${file}.heap.speedscope.json`, JSON.stringify(speedscope))
  }
}
