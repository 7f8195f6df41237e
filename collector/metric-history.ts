import { readOpenMetrics, type Sample } from './ui/model/open-metrics.ts'

interface MetricHistoryOptions {
  /** Where the sidecar's Prometheus exporter is scraped; undefined when the configuration has none. */
  readonly scrapeUrl: () => string | undefined
  readonly everyMs?: number
  /** Points of each series; the oldest go first. */
  readonly points?: number
  /** Of all series together. A series for which there is no room is not kept, and counted. */
  readonly maxBytes?: number
}

/** Values over time, oldest first: one column of times (epoch ms), one of values a series, null where it had none. */
export interface History {
  readonly times: readonly number[]
  readonly series: readonly {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly values: readonly (number | null)[]
  }[]
  /** Series of the last scrape that are not kept for want of room. */
  readonly notKept: number
}

interface Kept {
  readonly sample: Sample
  readonly values: Float64Array
  /** Number of the scrape that had it last. */
  last: number
}

/** What a series takes beside its values and its text. */
const OVERHEAD = 200

/**
 * The last hour of the sidecar's own scrape, in memory: a scrape every 5 seconds, 720 points a series, 16 MiB. The
 * viewer draws rates from it without a Prometheus; it is gone with the process.
 */
export class MetricHistory {
  private readonly scrapeUrl: () => string | undefined
  private readonly everyMs: number
  private readonly points: number
  private readonly maxBytes: number
  private readonly times: Float64Array
  private readonly kept = new Map<string, Kept>()
  private scrapes = 0
  private bytes = 0
  private notKept = 0
  private timer: NodeJS.Timeout | undefined

  constructor({ scrapeUrl, everyMs = 5000, points = 720, maxBytes = 16 * 2 ** 20 }: MetricHistoryOptions) {
    this.scrapeUrl = scrapeUrl
    this.everyMs = everyMs
    this.points = points
    this.maxBytes = maxBytes
    this.times = new Float64Array(points)
  }

  /** Scrapes from now on; a scrape that fails is left out. */
  start(): void {
    this.timer ??= setInterval(() => void this.scrape().catch(() => undefined), this.everyMs).unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private async scrape(): Promise<void> {
    const url = this.scrapeUrl()
    if (url === undefined) return
    const response = await fetch(url, { signal: AbortSignal.timeout(this.everyMs) })
    if (response.ok) this.add(Date.now(), readOpenMetrics(await response.text()))
  }

  /** Takes a scrape of this moment, epoch ms. */
  add(time: number, samples: readonly Sample[]): void {
    const slot = this.scrapes % this.points
    this.times[slot] = time
    for (const [key, kept] of this.kept) {
      kept.values[slot] = NaN
      if (kept.last > this.scrapes - this.points) continue
      this.kept.delete(key)
      this.bytes -= this.bytesOf(key)
    }
    this.notKept = 0
    for (const sample of samples) {
      const key = `${sample.name}${JSON.stringify(sample.labels)}`
      let kept = this.kept.get(key)
      if (kept === undefined) {
        if (this.bytes + this.bytesOf(key) > this.maxBytes) {
          this.notKept++
          continue
        }
        this.bytes += this.bytesOf(key)
        kept = { sample, values: new Float64Array(this.points).fill(NaN), last: 0 }
        this.kept.set(key, kept)
      }
      kept.values[slot] = sample.value
      kept.last = this.scrapes
    }
    this.scrapes++
  }

  private bytesOf(key: string): number {
    return this.points * 8 + key.length * 2 + OVERHEAD
  }

  /** The series that have this name, if one is given, and all of these labels. */
  read(name: string | undefined, labels: Readonly<Record<string, string>>, from = 0): History {
    const length = Math.min(this.scrapes, this.points)
    const slots = Array.from({ length }, (_, i) => (this.scrapes - length + i) % this.points).filter(
      (slot) => this.times[slot] >= from,
    )
    const wanted = Object.entries(labels)
    return {
      times: slots.map((slot) => this.times[slot]),
      series: [...this.kept.values()]
        .filter(
          ({ sample }) =>
            (name === undefined || sample.name === name) &&
            wanted.every(([key, value]) => sample.labels[key] === value),
        )
        .map(({ sample, values }) => ({
          name: sample.name,
          labels: sample.labels,
          values: slots.map((slot) => (Number.isFinite(values[slot]) ? values[slot] : null)),
        })),
      notKept: this.notKept,
    }
  }
}
