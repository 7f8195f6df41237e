import { statSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  epochMs,
  NAME,
  NAME_END,
  scanTraces,
  START_TIME,
  STRIDE,
  TRACE_ID,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { keepBytes } from '../component.ts'
import { SegmentLog, type Position } from '../queue/segment-log.ts'

export interface RequestLogOptions {
  /** Bytes of requests, on disk when there is a folder, in memory otherwise. */
  readonly maxBytes: number
  /** Requests that came longer ago are forgotten. */
  readonly maxAgeMs?: number | undefined
  /** Where requests survive a restart; without it they are kept in memory only. */
  readonly dir?: string | undefined
}

/** One request, and what is known of it without reading it. */
interface RequestEntry {
  /** Rises with each request. */
  readonly serial: number
  readonly arrivedAt: number
  readonly bytes: number
  /** Of its spans, epoch ms. */
  readonly earliestStart: number
  readonly latestStart: number
  /** The last 32 bits of the ids of its traces. */
  readonly traces: Uint32Array
  /** Whether a span of it is one of a run. */
  readonly hasRun: boolean
}

interface Held extends RequestEntry {
  readonly batch: TraceBatch | undefined
  readonly position: Position | undefined
}

/** Names of the spans that stand for a run of an engine, as the SDK gives them. */
const RUN_NAMES = ['backtest.run', 'signals.generate', 'signals.stream'] as const
const runNames = RUN_NAMES.map((name) => Buffer.from(name))

/** How long a query may keep the event loop, ms. */
const TURN_MS = 5

/**
 * Whole requests of spans, bounded by size and age; the oldest go first. With a folder they lie on disk, in
 * segments that are removed whole, and memory holds only an index: a few numbers a request and one a trace.
 */
export class RequestLog {
  private readonly options: RequestLogOptions
  private readonly disk: SegmentLog | undefined
  /** Oldest first, from `head` on. */
  private readonly entries: (Held | undefined)[] = []
  private head = 0
  private bytes = 0
  private serial = 0
  /** Records on disk that were left out at the start because their bytes are not what was written. */
  readonly damagedRecords: number = 0

  constructor(options: RequestLogOptions) {
    this.options = options
    if (options.dir === undefined) return
    const segmentBytes = Math.min(8 * 2 ** 20, Math.max(64 * 1024, options.maxBytes / 16))
    this.disk = new SegmentLog(options.dir, segmentBytes)
    for (const segment of this.disk.segments()) {
      const arrivedAt = statSync(this.disk.path(segment)).mtimeMs
      const { records } = this.disk.recover(segment, ({ position, payload }) => {
        this.add({ ...describe(scanTraces(payload), arrivedAt, ++this.serial), batch: undefined, position })
      })
      this.damagedRecords += records
    }
    this.disk.recovered()
    this.trim()
  }

  get size(): { requests: number; bytes: number } {
    return { requests: this.entries.length - this.head, bytes: this.bytes }
  }

  append(batch: TraceBatch): void {
    const position = this.disk?.append(batch.body, batch.count)
    // On disk it is in the operating system's cache; a second copy here would help nobody.
    if (position === undefined) keepBytes(batch)
    this.add({ ...describe(batch, Date.now(), ++this.serial), batch: position ? undefined : batch, position })
    this.trim()
  }

  private add(entry: Held): void {
    this.entries.push(entry)
    this.bytes += entry.bytes
  }

  /** Drops what is too much or too old: whole segments on disk, single requests in memory. */
  private trim(): void {
    const { maxBytes, maxAgeMs = Infinity } = this.options
    const tooOld = Date.now() - maxAgeMs
    const { entries, disk } = this
    while (this.head < entries.length) {
      const segment = entries[this.head]!.position?.segment
      let to = this.head + 1
      if (segment !== undefined)
        while (to < entries.length && entries[to]!.position?.segment === segment) to++
      if (entries[to - 1]!.arrivedAt >= tooOld) {
        // The newest stay whatever their size: a store that forgets what it was just given shows nothing.
        if (to === entries.length || this.bytes <= maxBytes) break
      }
      if (segment !== undefined) disk!.remove(segment)
      for (; this.head < to; this.head++) {
        const entry = entries[this.head]!
        this.bytes -= entry.bytes
        entries[this.head] = undefined
      }
    }
    if (this.head < 1024 || this.head * 2 < entries.length) return
    entries.splice(0, this.head)
    this.head = 0
  }

  /**
   * Visits requests, newest first, and lets the event loop go on between them. `wanted` chooses by the index
   * alone; `visit` ends the walk by answering false. `latestStartLeft` is the latest start of any span in the
   * requests that are left. A batch is there until `visit` returns.
   */
  async newestFirst(
    wanted: (entry: RequestEntry) => boolean,
    visit: (batch: TraceBatch, entry: RequestEntry, latestStartLeft: number) => boolean,
  ): Promise<void> {
    this.trim()
    const entries = (this.entries.slice(this.head) as Held[]).filter(wanted)
    const latestStart = new Float64Array(entries.length + 1).fill(-Infinity)
    for (const [i, entry] of entries.entries())
      latestStart[i + 1] = Math.max(latestStart[i], entry.latestStart)
    const largest = entries.reduce((size, { bytes }) => Math.max(size, bytes), 0)
    const memory = Buffer.allocUnsafeSlow(this.disk ? largest + 64 : 0)
    let turn = performance.now()
    for (let i = entries.length - 1; i >= 0; i--) {
      const batch = entries[i].batch ?? this.read(entries[i], memory)
      if (batch && !visit(batch, entries[i], latestStart[i])) return
      if (performance.now() - turn < TURN_MS) continue
      await nextTurn()
      turn = performance.now()
    }
  }

  /** Undefined when it has been dropped meanwhile or its bytes are damaged by now. */
  private read(entry: Held, memory: Buffer): TraceBatch | undefined {
    try {
      const payload = this.disk?.read(entry.position!, memory)
      return payload && scanTraces(payload)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  close(): void {
    this.disk?.close()
  }
}

/** The part of a trace id by which requests are found. `at` is its offset. */
export function traceKey(body: Buffer, at: number): number {
  return body.readUInt32LE(at + 12)
}

export function isRun(batch: TraceBatch, span: number): boolean {
  const { body, rows } = batch
  const at = rows[span * STRIDE + NAME]
  const length = rows[span * STRIDE + NAME_END] - at
  for (const name of runNames)
    if (name.length === length && body[at] === name[0] && name.compare(body, at, at + length) === 0)
      return true
  return false
}

function describe(batch: TraceBatch, arrivedAt: number, serial: number): RequestEntry {
  const { body, rows, count } = batch
  const keys = new Set<number>()
  let earliestStart = Infinity
  let latestStart = -Infinity
  let hasRun = false
  let lastKey = -1
  for (let span = 0; span < count; span++) {
    const row = span * STRIDE
    const key = traceKey(body, rows[row + TRACE_ID])
    if (key !== lastKey) keys.add((lastKey = key))
    const start = epochMs(body, rows[row + START_TIME])
    if (start < earliestStart) earliestStart = start
    if (start > latestStart) latestStart = start
    hasRun ||= isRun(batch, span)
  }
  return {
    serial,
    arrivedAt,
    bytes: body.length,
    earliestStart,
    latestStart,
    traces: Uint32Array.from(keys),
    hasRun,
  }
}
