import { Session } from 'node:inspector'
import { createSampleLog, type V8Profile } from './profile-sample-log.ts'
import { createSectionReader, sectionMemory } from './profile-section-columns.ts'
import { createSectionLog, monotonicOffsetMs } from './profile-sections.ts'
import { watchOpenTelemetry } from './profile-watch.ts'
import { sendProfile } from './send-profile.ts'

export interface ThreadProfileOptions {
  /** Shown as the profile's name. */
  service: string
  /** Base URL of the sidecar's viewer port; the samples of a stretch go there at its end. */
  sidecar: string
  /** Distance of two samples, microseconds. Default 1000 (1 kHz). */
  intervalUs?: number
}

export interface ThreadProfiler {
  /** Samples this thread while `work` runs, which must be synchronous. What it returns and throws stays the same. */
  during<T>(work: () => T): T
  /** Joins what was sampled to its spans and sends it. Never rejects; answers what went wrong, if anything. */
  send(): Promise<string | undefined>
}

/**
 * The profiler of a worker thread: `startProfiler` samples the main thread from a worker, this one samples the thread
 * that calls it, for as long as a synchronous stretch of its work. It costs 10 to 40 ms before each stretch. Start it after
 * telemetry, whose spans it joins the samples to.
 */
export function startThreadProfiler({
  service,
  sidecar,
  intervalUs = 1000,
}: ThreadProfileOptions): ThreadProfiler {
  const sections = sectionMemory()
  const log = createSectionLog(sections)
  const read = createSectionReader(sections)
  watchOpenTelemetry(log, false)
  const samples = createSampleLog()
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: intervalUs })

  return {
    during(work) {
      // What was logged since the last stretch is in nobody's samples, but would fill the log; spans that are open stay.
      samples.settle(read(log.drain()))
      session.post('Profiler.start')
      try {
        return work()
      } finally {
        // A session of the same thread answers within the call.
        session.post('Profiler.stop', (error, { profile }) => {
          if (error === null) samples.add(profile as V8Profile)
        })
      }
    },
    async send() {
      const drained = read(log.drain())
      samples.settle(drained)
      const document = samples.read(0, {
        service,
        pid: process.pid,
        intervalUs,
        clockOffsetMs: performance.timeOrigin - monotonicOffsetMs(),
        lostSections: drained.lost,
      })
      samples.forget(Infinity)
      return sendProfile(sidecar, document)
    },
  }
}
