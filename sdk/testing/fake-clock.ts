import type { HrTime } from '@opentelemetry/api'

/** A clock that stands until it is told to go on. */
export interface FakeClock {
  /** Ms since the Unix epoch. */
  now(): number
  /** The same as OpenTelemetry's time: seconds and nanoseconds. Give it as `startTime` and to `end`. */
  hrTime(): HrTime
  /** Goes on by so many ms. @throws RangeError when that is not forward */
  advance(ms: number): void
}

/** Starts at `startMs`, by default 2020-01-01T00:00:00Z. */
export function createFakeClock(startMs = Date.UTC(2020, 0, 1)): FakeClock {
  let nowMs = startMs
  return {
    now: () => nowMs,
    hrTime: () => {
      const seconds = Math.floor(nowMs / 1000)
      return [seconds, Math.round((nowMs - seconds * 1000) * 1e6)]
    },
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`a clock cannot go on by ${ms} ms`)
      nowMs += ms
    },
  }
}
