import type { DeliveryQueue } from './delivery-queue.ts'
import { type Batch, type Books, type DropReason } from './delivery-queue.ts'

/** Makes the body of one request from items that come one by one. */
export interface BatchEncoder<Item> {
  /** @throws when the item cannot be encoded; those before it stay */
  add(item: Item): void
  /** The body with all items since the last one. Undefined or a throw when they cannot be encoded. */
  take(): Uint8Array | undefined
}

/** For a serialiser that takes all items at once. */
export function listEncoder<Item>(serialize: (items: Item[]) => Uint8Array | undefined): BatchEncoder<Item> {
  let items: Item[] = []
  return {
    add(item) {
      items.push(item)
    },
    take() {
      const taken = items
      items = []
      return serialize(taken)
    },
  }
}

export interface BatchQueueOptions<Item> {
  readonly encoder: BatchEncoder<Item>
  readonly delivery: DeliveryQueue
  readonly books: Books
  /** Items per request. */
  readonly batch: number
  /** Items that may wait, on their way included; more are dropped and counted. */
  readonly maxItems: number
  /** How long an item may wait for company, in ms. */
  readonly delayMs: number
}

/** Items that are encoded together: their code stays warm, and none waits for the batch to be full. */
const together = 64

/** Gathers items (spans, log records) into encoded batches, hands each on as soon as it is full, and keeps the books. */
export class BatchQueue<Item> {
  private readonly options: BatchQueueOptions<Item>
  private fresh: Item[] = []
  /** Items in the encoder. */
  private count = 0
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(options: BatchQueueOptions<Item>) {
    this.options = options
  }

  add(item: Item): void {
    const { books, batch, maxItems, delayMs, delivery } = this.options
    books.created(1)
    if (this.stopped) {
      books.dropped(1, 'after_shutdown')
      return
    }
    if (this.fresh.push(item) >= together) this.encodeFresh()
    if (this.count + this.fresh.length < batch) this.timer ??= setTimeout(() => this.hand(), delayMs).unref()
    else if (delivery.pending + batch > maxItems) this.dropItems('queue_full')
    else this.hand()
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
    this.encodeFresh()
    const { count } = this
    if (count === 0) return
    this.count = 0
    const { delivery, books } = this.options
    const body = this.encoded()
    if (body === undefined) books.dropped(count, 'encoding_failed')
    else delivery.add(body, count)
  }

  private dropItems(reason: DropReason): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const items = this.count + this.fresh.length
    if (items > 0) this.options.books.dropped(items, reason)
    this.fresh = []
    this.count = 0
    this.encoded()
  }

  private encodeFresh(): void {
    const { encoder, books } = this.options
    const { fresh } = this
    if (fresh.length === 0) return
    this.fresh = []
    for (const item of fresh) {
      try {
        encoder.add(item)
        this.count++
      } catch {
        books.dropped(1, 'encoding_failed')
      }
    }
  }

  private encoded(): Uint8Array | undefined {
    try {
      return this.options.encoder.take()
    } catch {
      return undefined
    }
  }
}
