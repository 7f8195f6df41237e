// oxlint-disable unicorn/require-post-message-target-origin -- the ports of a worker have no origin
import { appendFileSync, rmSync, writeSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { ProfileDocument } from './profile-document.ts'
import { toHeapSpeedscope } from './profile-heap.ts'
import { createSampleLog, profilerUrl, type ProfileAbout, type V8Profile } from './profile-sample-log.ts'
import { createSectionReader, type DrainedSections, type TakenSections } from './profile-section-columns.ts'
import { writeJson, writeProfile } from './profile-write.ts'
import { sendProfile } from './send-profile.ts'

/**
 * The worker that samples the main thread. It takes V8's profiles in overlapping segments (a segment ends after the
 * next one began: no gap) and pulls the section log through the inspector, which works while the main thread is
 * inside a synchronous loop and cannot answer messages. What is settled goes to the sidecar segment by segment; the
 * ring keeps it besides, for files.
 */
export interface SamplerOptions {
  intervalUs: number
  segmentMs: number
  /** How much is kept for `dump` and `stop`, seconds. */
  ringSeconds: number
  service: string
  pid: number
  clockOffsetMs: number
  /** Base URL of a sidecar's viewer port that takes profiles; null for none. */
  sidecar: string | null
  /** Settled samples are appended here as well, a document a line, so that a killed process leaves them; null: not. */
  journal: string | null
  heap: boolean
  /** Main waits on [0]: the number of commands done. */
  done: SharedArrayBuffer
  /** The columns of the section log. */
  sections: SharedArrayBuffer
}

export type SamplerCommand =
  /** `tell`: nobody can read the answer, so what went wrong goes to stderr. */
  | { do: 'stop'; file: string | null; tell: boolean }
  /** After the answer to `stop`: the worker may go. */
  | { do: 'close' }
  | { do: 'dump'; file: string | null }
  | { do: 'flush' }

export type SamplerAnswer =
  | { did: 'started' }
  | { did: 'stop' | 'dump' | 'flush'; document: ProfileDocument | null; files: string[]; problem?: string }

/** The global under which main offers its section log. */
export const drainKey = 'tapescope.profile.drain'

/**
 * With each segment V8 builds its whole call tree and the main thread puts it into words, 2 to 4 ms: where nobody waits
 * for the samples a segment is so many times as long.
 */
const longSegment = 5

/** Not where the tree has so many nodes, of which a thousand keep the main thread for 2 ms. */
const manyNodes = 5000

/** All that is allocated counts, not what is still alive at the end. One sample in 32 KiB on average. */
const heapSampling = {
  samplingInterval: 32_768,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
}

if (parentPort && (workerData as { sampler?: SamplerOptions } | null)?.sampler) {
  await sample((workerData as { sampler: SamplerOptions }).sampler)
}

async function sample(options: SamplerOptions): Promise<void> {
  const done = new Int32Array(options.done)
  const session = new Session()
  session.connectToMainThread()
  const samples = createSampleLog()
  let lostSections = 0
  let sentUs = 0
  let segment = 0
  let rotating = false
  const readSections = createSectionReader(options.sections)
  /** Of the segment that runs: its samples are not here yet. */
  let waiting: DrainedSections[] = []
  let segmentBegan = performance.now()
  /** Whether somebody takes the samples segment by segment. */
  let taken = options.sidecar !== null || options.journal !== null
  /** Nodes of V8's tree in the last segment. */
  let lastNodes = 0

  session.on('Profiler.consoleProfileFinished', ({ params }) => {
    const profile = params.profile as V8Profile
    lastNodes = profile.nodes.length
    samples.add(profile)
  })
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
  if (options.heap) await session.post('HeapProfiler.startSampling', heapSampling)
  await evaluate('profile("tapescope-0")')
  const timer = setInterval(() => {
    // A main thread that sits in a native call answers late: segments must not pile up behind it.
    if (rotating) return
    rotating = true
    inTurn(async () => {
      try {
        const age = performance.now() - segmentBegan
        const early = !taken && lastNodes < manyNodes && age < (longSegment - 0.5) * options.segmentMs
        if (early) await drain('')
        else await rotate()
      } finally {
        rotating = false
      }
    })
  }, options.segmentMs)
  timer.unref()
  parentPort?.postMessage({ did: 'started' } satisfies SamplerAnswer)

  /**
   * Takes the section log in one interruption of the main thread, between a segment's begin and `ends`: the samples of
   * the segment that ends reach as far as the sections do. Answers with the time until which they are complete.
   */
  async function drain(begins: string, ends = ''): Promise<number | undefined> {
    const text = await evaluate(
      `{ ${begins}; const drained = globalThis[Symbol.for("${drainKey}")]?.(); ${ends}; drained }`,
    )
    if (typeof text !== 'string') return undefined
    const drained = readSections(JSON.parse(text) as TakenSections)
    lostSections += drained.lost
    waiting.push(drained)
    return drained.untilUs
  }

  /** Ends a segment. Answers with what went wrong on the way to the sidecar. */
  async function rotate(last = false): Promise<string | undefined> {
    const ended = segment
    segment += 1
    segmentBegan = performance.now()
    const untilUs = await drain(
      last ? '' : `profile("tapescope-${segment}")`,
      `profileEnd("tapescope-${ended}")`,
    )
    if (untilUs === undefined) return undefined
    for (const drained of waiting) samples.settle(drained)
    waiting = []
    const problem = await deliver(last)
    taken = options.journal !== null || (options.sidecar !== null && problem === undefined)
    sentUs = untilUs
    samples.forget(untilUs - options.ringSeconds * 1e6)
    return problem
  }

  async function deliver(last: boolean): Promise<string | undefined> {
    const { sidecar, journal } = options
    if (sidecar === null && (journal === null || last)) return undefined
    const document = samples.read(sentUs, about())
    if (journal !== null && !last && document.samples.stack.length > 0)
      appendFileSync(journal, `${JSON.stringify(document)}\n`)
    return sidecar === null ? undefined : sendProfile(sidecar, document)
  }

  function about(): ProfileAbout {
    const { service, pid, intervalUs, clockOffsetMs } = options
    return { service, pid, intervalUs, clockOffsetMs, lostSections }
  }

  async function obey(command: Exclude<SamplerCommand, { do: 'close' }>): Promise<void> {
    const files: string[] = []
    let document: ProfileDocument | null = null
    let problem: string | undefined
    const stopping = command.do === 'stop'
    try {
      if (stopping) clearInterval(timer)
      problem = await rotate(stopping)
      if (command.do !== 'flush') {
        document = samples.read(0, about())
        if (command.file !== null) writeProfile(command.file, document, files)
        if (stopping && options.journal !== null) rmSync(options.journal, { force: true })
        if (options.heap) await writeHeap(command.file, stopping, files)
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
    }
    if (stopping && command.tell) {
      document = null
      if (problem !== undefined) writeSync(2, `tapescope: ${problem}\n`)
    }
    const answer: SamplerAnswer = { did: command.do, document, files, ...(problem ? { problem } : {}) }
    // A main thread that exits must not find the session open, or Node waits for "the debugger to disconnect".
    if (stopping) session.disconnect()
    parentPort?.postMessage(answer)
    Atomics.add(done, 0, 1)
    Atomics.notify(done, 0)
  }

  async function writeHeap(file: string | null, stopping: boolean, files: string[]): Promise<void> {
    const { profile } = stopping
      ? await session.post('HeapProfiler.stopSampling')
      : await session.post('HeapProfiler.getSamplingProfile')
    if (file === null) return
    writeJson(`${file}.heapprofile`, profile, files)
    writeJson(`${file}.heap.speedscope.json`, toHeapSpeedscope(options.service, profile.head), files)
  }
}
