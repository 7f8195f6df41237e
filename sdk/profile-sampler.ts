// oxlint-disable unicorn/require-post-message-target-origin -- the ports of a worker have no origin
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { ProfileDocument } from './profile-document.ts'
import { toCpuProfile, toSpeedscope } from './profile-formats.ts'
import { toHeapSpeedscope } from './profile-heap.ts'
import { createSampleLog, profilerUrl, type V8Profile } from './profile-join.ts'
import type { DrainedSections, Section } from './profile-sections.ts'
import { sendProfile } from './send-profile.ts'

/**
 * The worker that samples the main thread. It takes V8's profiles in overlapping segments (a segment ends after the
 * next one began: no gap) and pulls the section log through the inspector, which works while the main thread is
 * inside a synchronous loop and cannot answer messages.
 */
export interface SamplerOptions {
  intervalUs: number
  segmentMs: number
  /** Keep no more than this while nobody asks, seconds. */
  ringSeconds: number
  service: string
  pid: number
  clockOffsetMs: number
  /** Base URL of a sidecar's viewer port that takes profiles; null for none. */
  sidecar: string | null
  heap: boolean
  /** Main waits on [0]: the number of commands done. */
  done: SharedArrayBuffer
}

export type SamplerCommand =
  | { do: 'stop'; file: string | null }
  /** After the answer to `stop`: the worker may go. */
  | { do: 'close' }
  | { do: 'dump'; file: string | null }
  | { do: 'flush' }

export type SamplerAnswer =
  | { did: 'started' }
  | { did: 'stop' | 'dump' | 'flush'; document: ProfileDocument | null; files: string[]; problem?: string }

/** The global under which main offers its section log. */
export const drainKey = 'tapescope.profile.drain'

if (parentPort && (workerData as { sampler?: SamplerOptions } | null)?.sampler) {
  await sample((workerData as { sampler: SamplerOptions }).sampler)
}

async function sample(options: SamplerOptions): Promise<void> {
  const done = new Int32Array(options.done)
  const session = new Session()
  session.connectToMainThread()
  const samples = createSampleLog()
  let sections: Section[] = []
  let lostSections = 0
  let settledUs = 0
  let segment = 0

  session.on('Profiler.consoleProfileFinished', ({ params }) => samples.add(params.profile as V8Profile))
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result } = await session.post('Runtime.evaluate', {
      expression: `${expression}\n//# sourceURL=${profilerUrl}`,
      includeCommandLineAPI: true,
      returnByValue: true,
      silent: true,
    })
    return result.value
  }
  // A message port keeps the worker alive and in order: one command at a time, segments between them.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<unknown>): void => {
    queue = queue.then(work, work)
  }

  parentPort?.on('message', (command: SamplerCommand) => {
    if (command.do === 'close') parentPort?.close()
    else inTurn(() => obey(command))
  })
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: options.intervalUs })
  if (options.heap) await session.post('HeapProfiler.startSampling', { samplingInterval: 32_768 })
  await evaluate('profile("tapescope-0")')
  const timer = setInterval(() => inTurn(rotate), options.segmentMs)
  timer.unref()
  parentPort?.postMessage({ did: 'started' } satisfies SamplerAnswer)

  async function drain(): Promise<void> {
    const text = await evaluate(`globalThis[Symbol.for("${drainKey}")]?.()`)
    if (typeof text !== 'string') return
    const drained = JSON.parse(text) as DrainedSections
    for (const section of drained.sections) sections.push(section)
    lostSections += drained.lost
    settledUs = drained.settledUs
  }

  async function rotate(last = false): Promise<void> {
    const ended = segment
    segment += 1
    if (!last) await evaluate(`profile("tapescope-${segment}")`)
    await evaluate(`profileEnd("tapescope-${ended}")`)
    await drain()
    if (options.sidecar) await send(take(settledUs))
    else samples.forget(performanceNowUs() - options.ringSeconds * 1e6)
    sections = unsettled(
      sections,
      options.sidecar ? settledUs : performanceNowUs() - options.ringSeconds * 1e6,
    )
  }

  function take(untilUs: number): ProfileDocument {
    const { service, pid, intervalUs, clockOffsetMs } = options
    const document = samples.take(untilUs, sections, {
      service,
      pid,
      intervalUs,
      clockOffsetMs,
      lostSections,
    })
    lostSections = 0
    return document
  }

  async function send(document: ProfileDocument): Promise<string | undefined> {
    return options.sidecar === null ? undefined : sendProfile(options.sidecar, document)
  }

  async function obey(command: Exclude<SamplerCommand, { do: 'close' }>): Promise<void> {
    const files: string[] = []
    let document: ProfileDocument | null = null
    let problem: string | undefined
    try {
      const stopping = command.do === 'stop'
      if (stopping) clearInterval(timer)
      await rotate(stopping)
      if (command.do !== 'flush') {
        document = take(Infinity)
        problem = await send(document)
        if (command.file !== null) write(command.file, document, files)
      }
      if (stopping && options.heap) {
        const { profile } = await session.post('HeapProfiler.stopSampling')
        if (command.file !== null) {
          save(`${command.file}.heapprofile`, profile, files)
          const speedscope = toHeapSpeedscope(options.service, profile.head)
          save(`${command.file}.heap.speedscope.json`, speedscope, files)
        }
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
    }
    const answer: SamplerAnswer = { did: command.do, document, files, ...(problem ? { problem } : {}) }
    parentPort?.postMessage(answer)
    Atomics.add(done, 0, 1)
    Atomics.notify(done, 0)
    // The main thread takes the session apart, and answers to this thread when it has: were this thread gone by then,
    // Node would abort the process. So it waits for the main thread to say that its turn has passed.
    if (command.do === 'stop') session.disconnect()
  }
}

function write(file: string, document: ProfileDocument, files: string[]): void {
  save(`${file}.speedscope.json`, toSpeedscope(document), files)
  save(`${file}.cpuprofile`, toCpuProfile(document), files)
  save(`${file}.tapescope.json`, document, files)
}

function save(path: string, content: unknown, files: string[]): void {
  writeFileSync(path, JSON.stringify(content))
  files.push(path)
}

function performanceNowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/**
 * What a later join still needs: everything since the last moment before `beforeUs` at which nothing was open, and
 * the beginnings of spans that have not ended (a continuation may name them).
 */
export function unsettled(sections: readonly Section[], beforeUs: number): Section[] {
  const open = new Set<number>()
  let depth = 0
  let cut = 0
  const ended = new Set<number>()
  const synchronous = new Set<number>()
  for (const section of sections) {
    if (section.do !== 'end') continue
    ended.add(section.key)
    if (section.sync) synchronous.add(section.key)
  }
  for (const [i, section] of sections.entries()) {
    if (section.at >= beforeUs) break
    if (section.do === 'enter') depth += 1
    else if (section.do === 'exit') depth = Math.max(0, depth - 1)
    else if (section.do === 'end') open.delete(section.key)
    else if (synchronous.has(section.key)) open.add(section.key)
    if (depth === 0 && open.size === 0) cut = i + 1
  }
  const pending = sections.slice(0, cut).filter((one) => one.do === 'start' && !ended.has(one.key))
  return [...pending.slice(-10_000), ...sections.slice(cut)]
}
