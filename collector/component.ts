import type { z } from 'zod'
import type { Log } from './log.ts'
import type { TraceBatch } from './otlp/trace-batch.ts'
import type { Signal } from './otlp/schema.ts'
import type { Telemetry } from './telemetry.ts'

/** Metrics or logs: an encoded request, already validated, and how many points or records it holds. */
interface EncodedBatch {
  readonly signal: 'metrics' | 'logs'
  readonly body: Buffer
  readonly count: number
}

export type Batch = TraceBatch | EncodedBatch

/**
 * Takes over a batch. When the call returns the batch is delivered, stored or queued, or counted as dropped.
 * Throws Refused when it could not take it and the sender should try again.
 * Its bytes belong to the receiver again when the call returns, which reads the next request into the same memory: a
 * consumer that goes on using them calls `keepBytes` first, or copies.
 */
export interface Consumer {
  consume(batch: Batch): void
}

const kept = new WeakSet<Buffer>()

/** Bytes that are used on after `consume` has returned. */
export function keepBytes({ body }: Batch): void {
  kept.add(body)
}

export function areKept(body: Buffer): boolean {
  return kept.has(body)
}

/** Not now: the queue is full or memory is short. The receiver answers 503, and the sender keeps its data. */
export class Refused extends Error {
  override name = 'Refused'
}

/** What can be started and stopped. `shutdown` is idempotent and safe without `start`. */
export interface Lifecycle {
  start?(): Promise<void>
  shutdown?(deadline: number): Promise<void>
}

export interface Context {
  /** As the configuration calls it, `type` or `type/name`. */
  readonly id: string
  readonly telemetry: Telemetry
  readonly log: Log
  /** The pipeline that a processor stands in. */
  readonly pipeline?: string
  /** Where the sidecar may keep files of its own; undefined when it must not. */
  readonly dataDir: string | undefined
  /** An extension of the configuration by its id. */
  extension(id: string): Extension | undefined
}

export interface Extension extends Lifecycle {
  /** The folder of a storage extension. */
  readonly storageDir?: string
  /** Everything has started, or begins to stop. */
  setReady?(ready: boolean): void
}

export interface Receiver extends Lifecycle {
  /** The pipelines of this signal begin at `next`. */
  connect(signal: Signal, next: Consumer): void
  /** What to tell the user once it listens. */
  readonly listening?: Readonly<Record<string, string>>
}

export interface Exporter extends Lifecycle {
  /** It has counters of its own for what reached it, what it took and what it dropped. */
  readonly countsItself?: boolean
  consumer(signal: Signal): Consumer
  readonly listening?: Readonly<Record<string, string>>
}

export interface Processor extends Consumer, Lifecycle {}

interface FactoryBase<Config> {
  /** Today's name in the Collector. */
  readonly type: string
  /** Older spellings that are accepted too. */
  readonly aliases?: readonly string[]
  readonly config: z.ZodType<Config>
  /** Keys that are accepted for the Collector's sake and have no effect here, each with the reason. */
  readonly ignored?: Readonly<Record<string, string>>
  readonly summary: string
}

export interface ReceiverFactory<Config> extends FactoryBase<Config> {
  readonly signals: readonly Signal[]
  create(config: Config, context: Context): Receiver
}

export interface ProcessorFactory<Config> extends FactoryBase<Config> {
  readonly signals: readonly Signal[]
  create(config: Config, context: Context, signal: Signal, next: Consumer): Processor
}

export interface ExporterFactory<Config> extends FactoryBase<Config> {
  readonly signals: readonly Signal[]
  create(config: Config, context: Context): Exporter
}

export interface ConnectorFactory<Config> extends FactoryBase<Config> {
  /** From the signal of the pipeline that ends in it to the signal of the one that begins. */
  readonly routes: readonly (readonly [from: Signal, to: Signal])[]
  create(config: Config, context: Context, from: Signal, next: Consumer): Processor
}

export interface ExtensionFactory<Config> extends FactoryBase<Config> {
  create(config: Config, context: Context): Extension
}
