import { gunzipSync, gzip, gzipSync } from 'node:zlib'
import type { Answer } from './otlp-sender.ts'

/** What became of the items of a batch, for the metrics. */
export interface Books {
  created(items: number): void
  delivered(items: number): void
  /** `why` is for a person's eyes, `reason` one of a closed set. */
  dropped(items: number, reason: DropReason, why?: string): void
}

export type DropReason =
  | 'queue_full'
  | 'refused'
  | 'rejected'
  | 'encoding_failed'
  | 'shutdown_deadline'
  | 'after_shutdown'

export interface Batch {
  body: Uint8Array
  gzip: boolean
  readonly items: number
}

export interface DeliveryQueueOptions {
  readonly send: (body: Uint8Array, gzip: boolean) => Promise<Answer>
  readonly books: Books
  /** Items of a delivered batch that the backend did not take, read from its answer. */
  readonly rejected?: (answer: Uint8Array) => number
  /** `gzip` packs always, `none` never on the wire, `auto` only what has to wait. */
  readonly compression?: 'gzip' | 'none' | 'auto'
  /** Bytes that may wait; more is dropped and counted. Default 40 MiB. */
  readonly maxBytes?: number
  /** Requests at a time while all is well; default 4. */
  readonly parallel?: number
  /** A number from 0 to below 1, for the jitter. */
  readonly random?: () => number
}

const firstDelayMs = 250
const longestDelayMs = 5000
/** A backend may ask for a longer pause, but a mistaken header is not to silence a program for a day. */
const longestAskedMs = 300_000
/** Batches that may wait as they are; what comes after them is packed. */
const freshBatches = 8
/** Unpacked bytes that a busy event loop may pile up before packing no longer waits for it. */
const unpackedBytes = 8 * 2 ** 20

/** A copy that holds no byte besides: what zlib answers may lie in a block of Node's, all of which would wait with it. */
const ownBytes = (packed: Uint8Array): Uint8Array => new Uint8Array(packed)

/**
 * Encoded batches on their way to one backend. A batch leaves the queue when the backend has it or has refused it for
 * good; on anything else (429, 502, 503, 504, a broken or a silent connection) all wait, for as long as `Retry-After`
 * says or ever longer up to 5 s, and one batch tries again. What waits is kept packed, so that two minutes of 5,000
 * spans a second fit in 40 MiB.
 */
export class DeliveryQueue {
  private readonly options: Required<Omit<DeliveryQueueOptions, 'rejected'>>
  private readonly rejected: (answer: Uint8Array) => number
  private waiting: Batch[] = []
  private readonly sending = new Map<Batch, () => void>()
  /** Who waits for which batches. */
  private readonly flushes = new Set<{ readonly left: Set<Batch>; readonly done: () => void }>()
  private bytes = 0
  private unpacked = 0
  private failures = 0
  private pause: NodeJS.Timeout | undefined
  /** Whether the present pause is one that the backend asked for. */
  private asked = false
  private closing = false
  private held = false
  private nobody = false

  constructor(options: DeliveryQueueOptions) {
    this.options = {
      compression: 'auto',
      maxBytes: 40 * 2 ** 20,
      parallel: 4,
      random: Math.random,
      ...options,
    }
    this.rejected = options.rejected ?? (() => 0)
  }

  /** Whether the backend did not take the last batch. */
  get failing(): boolean {
    return this.failures > 0
  }

  /** Whether nobody was there at all when the last batch was tried. */
  get deserted(): boolean {
    return this.failing && this.nobody
  }

  /** Items that wait or are on their way. */
  get pending(): number {
    let items = 0
    for (const batch of this.waiting) items += batch.items
    for (const batch of this.sending.keys()) items += batch.items
    return items
  }

  add(body: Uint8Array, items: number): void {
    const batch: Batch = { body, gzip: false, items }
    const { compression, maxBytes, books } = this.options
    const mustWait = this.failing || this.waiting.length >= freshBatches
    if (compression === 'gzip' || (mustWait && this.unpacked + body.length > unpackedBytes)) {
      batch.body = ownBytes(gzipSync(body, { level: 1 }))
      batch.gzip = true
    }
    if (this.bytes + batch.body.length > maxBytes) {
      books.dropped(items, 'queue_full')
      return
    }
    this.bytes += batch.body.length
    if (!batch.gzip) this.unpacked += body.length
    this.waiting.push(batch)
    if (mustWait && !batch.gzip) this.pack(batch)
    this.pump()
  }

  /** Resolves when each batch that is here now has left, whatever has come since. Never rejects. */
  async flush(): Promise<void> {
    this.pump()
    const left = new Set([...this.waiting, ...this.sending.keys()])
    if (left.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.flushes.add({ left, done: resolve })
    await promise
  }

  /** From now on retries wait for a quarter of a second at most, unless the backend itself asked for longer. */
  close(): void {
    this.closing = true
    if (this.asked || this.pause === undefined) return
    clearTimeout(this.pause)
    this.pause = undefined
    this.pump()
  }

  /** Gives up what waits and what has no answer yet. An answer that comes later is ignored. */
  abandon(reason: DropReason): void {
    clearTimeout(this.pause)
    this.pause = undefined
    const batches = [...this.waiting, ...this.sending.keys()]
    for (const settle of this.sending.values()) settle()
    this.sending.clear()
    this.waiting = []
    this.bytes = 0
    this.unpacked = 0
    for (const { items } of batches) this.options.books.dropped(items, reason)
    this.left(batches)
  }

  /** Starts no more requests. */
  hold(): void {
    this.held = true
  }

  /** Takes what waits out of the queue, for who delivers it in another way. What is on its way stays. */
  take(): Batch[] {
    const taken = this.waiting
    for (const batch of taken) this.forget(batch)
    this.waiting = []
    this.left(taken)
    return taken
  }

  private pump(): void {
    if (this.pause !== undefined || this.held) return
    const parallel = this.failing ? 1 : this.options.parallel
    while (this.sending.size < parallel) {
      const batch = this.waiting.shift()
      if (batch === undefined) break
      void this.deliver(batch)
    }
  }

  private async deliver(batch: Batch): Promise<void> {
    const { promise: abandoned, resolve } = Promise.withResolvers<undefined>()
    this.sending.set(batch, () => resolve(undefined))
    const plain = batch.gzip && this.options.compression === 'none'
    const sent = this.options.send(plain ? gunzipSync(batch.body) : batch.body, batch.gzip && !plain)
    const answer = await Promise.race([sent, abandoned])
    if (answer === undefined) return
    this.sending.delete(batch)
    if (answer.kind === 'later') this.retry(batch, answer)
    else this.settle(batch, answer)
    this.pump()
  }

  private settle(batch: Batch, answer: Exclude<Answer, { kind: 'later' }>): void {
    const { books } = this.options
    this.failures = 0
    this.forget(batch)
    if (answer.kind === 'refused') books.dropped(batch.items, 'refused', answer.why)
    else {
      const rejected = Math.min(batch.items, Math.max(0, this.rejected(answer.body)))
      books.delivered(batch.items - rejected)
      if (rejected > 0) books.dropped(rejected, 'rejected')
    }
    this.left([batch])
  }

  private retry(batch: Batch, { afterMs, nobody }: Extract<Answer, { kind: 'later' }>): void {
    this.nobody = nobody === true
    // Batches that were on their way together come back together: one failure.
    if (this.pause === undefined) this.failures++
    this.waiting.unshift(batch)
    if (!batch.gzip) this.pack(batch)
    if (this.pause !== undefined && afterMs === undefined) return
    clearTimeout(this.pause)
    this.asked = afterMs !== undefined
    const grown = Math.min(longestDelayMs, firstDelayMs * 2 ** (this.failures - 1))
    const delay = (this.closing ? firstDelayMs : grown) * (0.5 + this.options.random() / 2)
    this.pause = setTimeout(
      () => {
        this.pause = undefined
        this.pump()
      },
      Math.min(afterMs ?? delay, longestAskedMs),
    ).unref()
  }

  /** Packs a waiting batch on a thread of Node's pool. */
  private pack(batch: Batch): void {
    const { body } = batch
    gzip(body, { level: 1 }, (error, packed) => {
      if (error !== null || batch.gzip || !this.waiting.includes(batch)) return
      batch.body = ownBytes(packed)
      batch.gzip = true
      this.bytes += packed.length - body.length
      this.unpacked -= body.length
    })
  }

  private forget(batch: Batch): void {
    this.bytes -= batch.body.length
    if (!batch.gzip) this.unpacked -= batch.body.length
  }

  private left(batches: readonly Batch[]): void {
    for (const flush of this.flushes) {
      for (const batch of batches) flush.left.delete(batch)
      if (flush.left.size > 0) continue
      this.flushes.delete(flush)
      flush.done()
    }
  }
}
