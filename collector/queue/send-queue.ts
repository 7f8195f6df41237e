/** A request that waits for its destination. */
export interface QueueItem {
  /** Spans, points or records in it. */
  readonly count: number
  readonly bytes: number
  /** Undefined when its bytes are damaged by now. */
  payload(): Buffer | undefined
}

/** Where waiting requests lie. `offer` puts at the end, `take` removes from the front, `done` forgets for good. */
export interface QueueStorage {
  readonly length: number
  /** Whether what is taken and not done is found again after a crash. */
  readonly persistent: boolean
  offer(payload: Buffer, count: number): void
  peek(index: number): QueueItem | undefined
  take(): QueueItem
  done(items: readonly QueueItem[]): void
  close(): void
}

export function memoryStorage(): QueueStorage {
  let items: QueueItem[] = []
  let head = 0
  return {
    persistent: false,
    get length() {
      return items.length - head
    },
    offer: (payload, count) => void items.push({ count, bytes: payload.length, payload: () => payload }),
    peek: (index) => items[head + index],
    take() {
      const item = items[head]
      items[head++] = undefined as unknown as QueueItem
      if (head > 1024 && head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
    done: () => {},
    close: () => {},
  }
}

/** How a destination took a request. */
export type Delivery =
  | { readonly kind: 'delivered'; readonly rejected: number }
  /** Sending it again would not help. */
  | { readonly kind: 'permanent'; readonly reason: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number | undefined }

interface SendQueueOptions {
  readonly consumers: number
  readonly size: number
  readonly sizer: 'requests' | 'items' | 'bytes'
  readonly batch:
    | { readonly flushMs: number; readonly minItems: number; readonly maxItems: number }
    | undefined
  readonly retry:
    | {
        readonly initialMs: number
        readonly maxMs: number
        readonly multiplier: number
        readonly randomization: number
        /** 0: for ever. */
        readonly maxElapsedMs: number
      }
    | undefined
  /** Sends requests as one: their bytes, one after another, are a request. */
  send(payloads: readonly Buffer[], signal: AbortSignal): Promise<Delivery>
  delivered(count: number, rejected: number): void
  dropped(
    count: number,
    reason: 'permanent' | 'retries_exhausted' | 'shutdown' | 'damaged',
    why: string,
  ): void
  retrying(why: string): void
}

/**
 * Requests on their way to one destination: bounded, joined into batches (protobuf requests join by
 * concatenation), tried again with growing pauses. A request leaves the queue when it was delivered or counted
 * as dropped, not before.
 */
export class SendQueue {
  private readonly options: SendQueueOptions
  private readonly storage: QueueStorage
  private readonly stopping = new AbortController()
  private readonly workers = new Set<Promise<unknown>>()
  private waiting = 0
  private waitingItems = 0
  private inFlight = 0
  private inFlightSize = 0
  private oldest = 0
  private timer: NodeJS.Timeout | undefined
  private closing = false

  constructor(options: SendQueueOptions, storage: QueueStorage) {
    this.options = options
    this.storage = storage
    for (let i = 0; i < storage.length; i++) {
      const item = storage.peek(i)!
      this.waiting += this.sizeOf(item)
      this.waitingItems += item.count
    }
  }

  /** Items waiting or under way. */
  get depth(): number {
    return this.waitingItems + this.inFlight
  }

  /** In units of the sizer, as `queue_size` counts. */
  get size(): number {
    return this.waiting + this.inFlightSize
  }

  private sizeOf(item: { count: number; bytes: number }): number {
    const { sizer } = this.options
    return sizer === 'requests' ? 1 : sizer === 'items' ? item.count : item.bytes
  }

  /** False when there is no room. */
  offer(payload: Buffer, count: number): boolean {
    const size = this.sizeOf({ count, bytes: payload.length })
    if (this.closing || this.size + size > this.options.size) return false
    if (this.storage.length === 0) this.oldest = Date.now()
    this.storage.offer(payload, count)
    this.waiting += size
    this.waitingItems += count
    this.pump()
    return true
  }

  /** Starts as many senders as there is work and leave for. */
  pump(): void {
    const { storage, options } = this
    while (storage.length > 0 && this.workers.size < options.consumers && !this.stopping.signal.aborted) {
      const ripe = this.ripe()
      if (ripe === 0) return
      const items: QueueItem[] = []
      for (let i = 0; i < ripe; i++) items.push(storage.take())
      this.oldest = Date.now()
      let size = 0
      let count = 0
      for (const item of items) {
        size += this.sizeOf(item)
        count += item.count
      }
      this.waiting -= size
      this.waitingItems -= count
      this.inFlight += count
      this.inFlightSize += size
      const worker = this.deliver(items)
        .then((settled) => settled && storage.done(items))
        .finally(() => {
          this.inFlight -= count
          this.inFlightSize -= size
          this.workers.delete(worker)
          this.pump()
        })
      this.workers.add(worker)
    }
  }

  /** How many requests from the front should go out together now; 0 means wait for more. */
  private ripe(): number {
    const { batch } = this.options
    if (batch === undefined) return 1
    let count = 0
    for (let i = 0; i < this.storage.length; i++) {
      const item = this.storage.peek(i)!
      if (batch.maxItems > 0 && i > 0 && count + item.count > batch.maxItems) return i
      count += item.count
      if (count >= batch.minItems) return i + 1
    }
    const wait = this.oldest + batch.flushMs - Date.now()
    if (this.closing || wait <= 0) return this.storage.length
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.pump()
    }, wait)
    return 0
  }

  /** Answers with false when the requests are to stay where they are, for the next start. */
  private async deliver(items: readonly QueueItem[]): Promise<boolean> {
    const { options } = this
    const { retry } = options
    const { signal } = this.stopping
    const since = Date.now()
    let pause = retry?.initialMs ?? 0
    const payloads: Buffer[] = []
    let count = 0
    for (const item of items) {
      const payload = item.payload()
      if (payload === undefined)
        options.dropped(item.count, 'damaged', 'its bytes on disk are not what was written')
      else {
        payloads.push(payload)
        count += item.count
      }
    }
    if (payloads.length === 0) return true
    for (;;) {
      const delivery = await options
        .send(payloads, signal)
        .catch((error: unknown): Delivery => ({ kind: 'retry', reason: (error as Error).message }))
      if (delivery.kind === 'delivered') {
        options.delivered(count - delivery.rejected, delivery.rejected)
        return true
      }
      if (delivery.kind === 'permanent') {
        options.dropped(count, 'permanent', delivery.reason)
        return true
      }
      if (retry === undefined) {
        options.dropped(count, 'retries_exhausted', delivery.reason)
        return true
      }
      const spread = pause * retry.randomization
      const wait = Math.max(delivery.afterMs ?? 0, pause - spread + Math.random() * 2 * spread)
      if (retry.maxElapsedMs > 0 && Date.now() + wait - since > retry.maxElapsedMs) {
        options.dropped(count, 'retries_exhausted', delivery.reason)
        return true
      }
      options.retrying(delivery.reason)
      pause = Math.min(retry.maxMs, pause * retry.multiplier)
      await sleep(wait, signal)
      if (signal.aborted) {
        if (!this.storage.persistent) options.dropped(count, 'shutdown', delivery.reason)
        return !this.storage.persistent
      }
    }
  }

  /**
   * Sends what is there until `deadline` (epoch ms). What is left then stays on disk, or is counted as dropped
   * when the queue is in memory.
   */
  async close(deadline: number): Promise<void> {
    if (this.closing) return
    this.closing = true
    clearTimeout(this.timer)
    this.pump()
    const cut = setTimeout(() => this.stopping.abort(), Math.max(0, deadline - Date.now()))
    while (this.workers.size > 0) await Promise.all(this.workers)
    clearTimeout(cut)
    if (!this.storage.persistent) {
      let left = 0
      while (this.storage.length > 0) left += this.storage.take().count
      if (left > 0)
        this.options.dropped(left, 'shutdown', 'the sidecar stopped before the destination took them')
      this.waiting = 0
      this.waitingItems = 0
    }
    this.storage.close()
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
