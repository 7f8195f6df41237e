import type { LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord } from '@opentelemetry/sdk-logs'
import { BatchQueue, type BatchQueueOptions } from './delivery/batch-queue.ts'
import type { Batch } from './delivery/delivery-queue.ts'

/** Hands log records to the delivery, as `SpanQueue` does with spans. */
export class LogQueue implements LogRecordProcessor {
  private readonly queue: BatchQueue<ReadableLogRecord>
  private stopped: Promise<void> | undefined

  constructor(options: BatchQueueOptions<ReadableLogRecord>) {
    this.queue = new BatchQueue(options)
  }

  onEmit(record: ReadWriteLogRecord): void {
    this.queue.add(record)
  }

  forceFlush(): Promise<void> {
    return this.queue.flush()
  }

  shutdown(): Promise<void> {
    return (this.stopped ??= this.queue.stop())
  }

  abandon(): void {
    this.queue.abandon()
  }

  take(): Batch[] {
    return this.queue.take()
  }
}
