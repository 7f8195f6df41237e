// oxlint-disable unicorn/require-post-message-target-origin -- the ports of a worker have no origin
import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ProfileDocument } from './profile-document.ts'
import { drainKey, type SamplerAnswer, type SamplerCommand, type SamplerOptions } from './profile-sampler.ts'
import { sectionMemory } from './profile-section-columns.ts'
import { createSectionLog, monotonicOffsetMs } from './profile-sections.ts'
import { watchOpenTelemetry } from './profile-watch.ts'

export interface ProfileOptions {
  /** Distance of two samples, microseconds. Default 1000 (1 kHz). */
  intervalUs?: number
  /**
   * Length of a segment, milliseconds: what reaches the sidecar is that late. Default 2000. Where no sidecar takes the
   * samples it is five times as long; `flush`, `dump` and `stop` end it.
   */
  segmentMs?: number
  /** How much is kept for `dump` and `stop`, seconds; with a sidecar too. Default 60; Infinity for all. */
  ringSeconds?: number
  /**
   * Attribute continuations of asynchronous spans too (async_hooks; every promise pays for it). Off, an asynchronous
   * span gets the stretch before its first await, and the rest of its samples are unattributed.
   */
  async?: boolean
  /** Sample heap allocation as well, by all that is allocated; written by `dump` and `stop`. */
  heap?: boolean
  /** Shown as the profile's name. Default `OTEL_SERVICE_NAME`, else the name of the script. */
  service?: string
  /** Base URL of the sidecar's viewer port (http://127.0.0.1:4319); settled samples go there each segment. */
  sidecar?: string
  /** Dump the ring when the process gets this signal. */
  dumpOn?: NodeJS.Signals
  /** Where `dump` and `stop` write, without extension; nothing is written without it. */
  file?: string
  /** Append settled samples to this file each segment, for who may be killed; `stop` removes it. */
  journal?: string
}

interface ProfileResult {
  document: ProfileDocument
  /** The files that were written. */
  files: string[]
  /** What went wrong on the way (the sidecar refused, a file could not be written). */
  problem?: string
}

export interface Profiler {
  /** Sends what is settled to the sidecar now. */
  flush(): Promise<void>
  /** What the ring holds; sampling goes on. */
  dump(): Promise<ProfileResult>
  /** Ends sampling. Idempotent; a second call answers with the first result. */
  stop(): Promise<ProfileResult>
  /** The same inside `process.on('exit')`, where nothing can be awaited: blocks for at most `deadlineMs`. */
  stopNow(deadlineMs?: number): void
}

/** Turns of the event loop in which the main thread has surely taken the sampler's session apart. */
const closeAfterMs = 200

/**
 * Samples this process's main thread from a worker and joins each sample to the OpenTelemetry span that was active,
 * by the monotonic clock. Works with any registered OpenTelemetry SDK, before or after it is registered; a sample is
 * on a span only when that is certain. One profiler at a time.
 *
 * @throws when another profiler is running, or when called in a worker thread
 */
export async function startProfiler(options: ProfileOptions = {}): Promise<Profiler> {
  const globals = globalThis as unknown as Record<symbol, (() => string) | undefined>
  const key = Symbol.for(drainKey)
  if (globals[key]) throw new Error('A profiler is already running in this process: stop it first.')
  const sections = sectionMemory()
  const log = createSectionLog(sections)
  globals[key] = () => JSON.stringify(log.drain())
  const unwatch = watchOpenTelemetry(log, options.async === true)
  const done = new SharedArrayBuffer(4)
  const sampler: SamplerOptions = {
    intervalUs: options.intervalUs ?? 1000,
    segmentMs: options.segmentMs ?? 2000,
    ringSeconds: options.ringSeconds ?? 60,
    service: options.service ?? process.env['OTEL_SERVICE_NAME'] ?? basename(process.argv[1] ?? 'node'),
    pid: process.pid,
    clockOffsetMs: performance.timeOrigin - monotonicOffsetMs(),
    sidecar: options.sidecar ?? null,
    journal: options.journal ?? null,
    heap: options.heap ?? false,
    done,
    sections,
  }
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./profile-sampler.${extension}`, import.meta.url), {
    workerData: { sampler },
    // The program's own preloads and flags are not the sampler's.
    execArgv: [],
    name: 'tapescope-profiler',
  })
  const answers: ((answer: SamplerAnswer) => void)[] = []
  worker.on('message', (answer: SamplerAnswer) => answers.shift()?.(answer))
  const file = options.file ?? null
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  failed.catch(() => undefined)

  const ask = async (command?: SamplerCommand): Promise<SamplerAnswer> => {
    const answer = new Promise<SamplerAnswer>((resolve) => answers.push(resolve))
    // Only while somebody waits does the worker keep the process alive.
    worker.ref()
    if (command) worker.postMessage(command)
    try {
      return await Promise.race([answer, failed])
    } finally {
      worker.unref()
    }
  }
  const result = (answer: SamplerAnswer): ProfileResult => {
    if (answer.did === 'started' || !answer.document) throw new Error('The profiler brought no profile.')
    const { document, files, problem } = answer
    return problem ? { document, files, problem } : { document, files }
  }
  const release = (): void => {
    unwatch()
    globals[key] = undefined
    if (options.dumpOn) process.off(options.dumpOn, onSignal)
  }
  const dump = async (): Promise<ProfileResult> =>
    result(await ask({ do: 'dump', file: file === null ? null : `${file}-${Date.now()}` }))
  function onSignal(): void {
    dump().then(
      ({ files }) => process.stderr.write(`tapescope: profile written to ${files.join(', ')}\n`),
      (error: unknown) => process.stderr.write(`tapescope: no profile: ${String(error)}\n`),
    )
  }

  try {
    await ask()
  } catch (error) {
    release()
    throw new Error('The profiler could not start.', { cause: error })
  }
  if (options.dumpOn) process.on(options.dumpOn, onSignal)
  let stopped: Promise<ProfileResult> | undefined

  return {
    async flush() {
      if (!stopped) await ask({ do: 'flush' })
    },
    dump,
    stop() {
      stopped ??= ask({ do: 'stop', file, tell: false })
        .then(result)
        .finally(() => {
          release()
          setTimeout(() => worker.postMessage({ do: 'close' } satisfies SamplerCommand), closeAfterMs).unref()
        })
      return stopped
    },
    stopNow(deadlineMs = 5000) {
      if (stopped) return
      stopped = Promise.reject(new Error('The profiler was stopped at exit.'))
      stopped.catch(() => undefined)
      const count = new Int32Array(done)
      const before = Atomics.load(count, 0)
      worker.postMessage({ do: 'stop', file, tell: true } satisfies SamplerCommand)
      const deadline = performance.now() + deadlineMs
      // V8 serves the worker's inspector only while this thread runs JavaScript: wait in short steps.
      while (Atomics.load(count, 0) === before && performance.now() < deadline)
        Atomics.wait(count, 0, before, 1)
      release()
    },
  }
}
