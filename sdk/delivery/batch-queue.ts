import type { DeliveryQueue } from './delivery-queue.ts'
import { type Batch, type Books, type DropReason } from './delivery-queue.ts'

export interface BatchQueueOptions<Item> {
  /** Items as the body of one request. Undefined or a throw when they cannot be encoded. */
  readonly encode: (items: Item[]) => Uint8Array | undefined
  readonly delivery: DeliveryQueue
  readonly books: Books
  /** Items per request. */
  readonly batch: number
  /** Items that may wait, on their way included; more are dropped and counted. */
  readonly maxItems: number
  /** How long an item may wait for company, in ms. */
  readonly delayMs: number
}

/** Gathers items (spans, log records) into batches, encodes each as soon as it is full, and keeps the books. */
export class BatchQueue<Item> {
  private readonly options: BatchQueueOptions<Item>
  private items: Item[] = []
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(options: BatchQueueOptions<Item>) {
    this.options = options
  }

  add(item: Item): void {
    const { books, batch, maxItems, delayMs, delivery } = this.options
    books.created(1)
    if (this.stopped) books.dropped(1, 'after_shutdown')
    else {
      this.items.push(item)
      if (this.items.length >= batch) {
        if (delivery.pending + this.items.length > maxItems) this.dropItems('queue_full')
        else this.hand()
      } else this.timer ??= setTimeout(() => this.hand(), delayMs).unref()
    }
  }

  /** Sends all that waits now and resolves when each item has its answer. Never rejects. */
  async flush(): Promise<void> {
    this.hand()
    await this.options.delivery.flush()
  }

  /** Takes no more, and sends what there is. */
  async stop(): Promise<void> {
    this.stopped = true
    this.options.delivery.close()
    await this.flush()
  }

  /** Counts all that is not delivered as dropped, and takes no more. */
  abandon(): void {
    this.stopped = true
    this.dropItems('shutdown_deadline')
    this.options.delivery.abandon('shutdown_deadline')
  }

  /** What waits, encoded, for who delivers it in another way. */
  take(): Batch[] {
    this.options.delivery.hold()
    this.hand()
    return this.options.delivery.take()
  }

  private hand(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const { items } = this
    if (items.length === 0) return
    this.items = []
    const { encode, delivery, books } = this.options
    let body: Uint8Array | undefined
    try {
      body = encode(items)
    } catch {
      body = undefined
    }
    if (body === undefined) books.dropped(items.length, 'encoding_failed')
    else delivery.add(body, items.length)
  }

  private dropItems(reason: DropReason): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.items.length > 0) this.options.books.dropped(this.items.length, reason)
    this.items = []
  }
}
