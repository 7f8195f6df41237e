import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { CallName } from './traffic-model.ts'

/** Latencies in ms from the intended start, of all answers, failed ones and timeouts among them. NaN when none. */
export interface Latencies {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface RouteFigures extends Latencies {
  readonly answered: number
  readonly failed: number
  /** From the moment of sending: what a client sees that does not know when it wanted to ask. */
  readonly serviceP95: number
}

/** What one window of time saw. Counts are of answers, by the time at which they came. */
export interface WindowFigures extends Latencies {
  /** Of its end, from the beginning of the run. */
  readonly seconds: number
  readonly length: number
  readonly answered: number
  readonly failed: number
  readonly inFlight: number
  /** Most that were running. */
  readonly users: number
}

export interface RunFigures extends RouteFigures {
  readonly sent: number
  /** Sent at most `onTimeMs` after their intended start. */
  readonly onTime: number
  /** From the intended start to the sending, of what was sent: the generator's own delay. */
  readonly lagP50: number
  readonly lagP99: number
  readonly lagMax: number
  readonly routes: Readonly<Partial<Record<CallName, RouteFigures>>>
  /** How often each call failed, and why. */
  readonly failures: readonly { call: CallName; reason: string; count: number; detail: string }[]
}

interface RecordedCall {
  readonly call: CallName
  readonly ok: boolean
  readonly reason: string
  readonly dueMs: number
  readonly sentMs: number
  readonly answeredMs: number
  /** The first failure of its kind is kept with it. */
  readonly detail?: () => string
}

interface Route {
  latency: RecordableHistogram
  service: RecordableHistogram
  answered: number
  failed: number
}

/** Later than this a call is not the one that was intended. */
export const onTimeMs = 50

/** Counts calls in native HDR histograms (ns, three significant digits, at most an hour). */
export class CallRecord {
  private readonly latency = newHistogram()
  private readonly service = newHistogram()
  private readonly lag = newHistogram()
  private readonly windowLatency = newHistogram()
  private readonly routes = new Map<CallName, Route>()
  private readonly failures = new Map<
    string,
    { call: CallName; reason: string; count: number; detail: string }
  >()
  private answered = 0
  private failed = 0
  private sent = 0
  private onTime = 0
  private windowFailed = 0
  private windowAnswered = 0

  /** A call goes out, so much later than it should. */
  send(lagMs: number): void {
    this.sent++
    if (lagMs <= onTimeMs) this.onTime++
    this.lag.record(nsOf(lagMs))
  }

  answer(recorded: RecordedCall): void {
    const { call, ok, reason, dueMs, sentMs, answeredMs } = recorded
    const latencyNs = nsOf(answeredMs - dueMs)
    const serviceNs = nsOf(answeredMs - sentMs)
    let route = this.routes.get(call)
    if (route === undefined) {
      route = { latency: newHistogram(), service: newHistogram(), answered: 0, failed: 0 }
      this.routes.set(call, route)
    }
    for (const histogram of [this.latency, this.windowLatency, route.latency]) histogram.record(latencyNs)
    for (const histogram of [this.service, route.service]) histogram.record(serviceNs)
    this.answered++
    this.windowAnswered++
    route.answered++
    if (ok) return
    this.failed++
    this.windowFailed++
    route.failed++
    const key = `${call} ${reason}`
    const failure = this.failures.get(key)
    if (failure !== undefined) failure.count++
    else this.failures.set(key, { call, reason, count: 1, detail: recorded.detail?.() ?? '' })
  }

  /** Of the answers since the last call; `length` in seconds is how long ago that was. */
  takeWindow(seconds: number, length: number, users: number): WindowFigures {
    const figures = {
      seconds,
      length,
      answered: this.windowAnswered,
      failed: this.windowFailed,
      inFlight: this.sent - this.answered,
      users,
      ...latencies(this.windowLatency),
    }
    this.windowLatency.reset()
    this.windowAnswered = 0
    this.windowFailed = 0
    return figures
  }

  figures(): RunFigures {
    const { sent, onTime, answered, failed, latency, service, lag } = this
    return {
      sent,
      onTime,
      lagP50: quantileMs(lag, 50),
      lagP99: quantileMs(lag, 99),
      lagMax: quantileMs(lag, 100),
      ...routeFigures({ latency, service, answered, failed }),
      routes: Object.fromEntries([...this.routes].map(([call, route]) => [call, routeFigures(route)])),
      failures: [...this.failures.values()].sort((a, b) => b.count - a.count),
    }
  }
}

const hourNs = 3_600e9

function newHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: hourNs, figures: 3 })
}

function nsOf(ms: number): number {
  return Math.min(hourNs, Math.max(1, Math.round(ms * 1e6)))
}

function routeFigures({ latency, service, answered, failed }: Route): RouteFigures {
  return { answered, failed, ...latencies(latency), serviceP95: quantileMs(service, 95) }
}

function latencies(histogram: RecordableHistogram): Latencies {
  return {
    p50: quantileMs(histogram, 50),
    p95: quantileMs(histogram, 95),
    p99: quantileMs(histogram, 99),
    max: quantileMs(histogram, 100),
  }
}

/** In ms; NaN when nothing was recorded. */
function quantileMs(histogram: RecordableHistogram, percent: number): number {
  if (histogram.count === 0) return Number.NaN
  return Math.round(histogram.percentile(percent) / 1e3) / 1e3
}
