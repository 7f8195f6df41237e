import { TRACE_ID, STRIDE, type TraceBatch } from '../otlp/trace-batch.ts'
import { viewSpan, type SpanView } from './span-view.ts'

/** One run of an engine: a backtest, a generation of signals, a block of a stream. */
export interface RunView {
  /** The id that the engine's host gave it (`tapescope.run`), null when it gave none. */
  readonly runId: string | null
  readonly kind: 'backtest' | 'signals' | 'stream'
  readonly traceId: string
  readonly spanId: string
  readonly name: string
  readonly service: string
  readonly startTime: string
  readonly durationMs: number
  readonly error: boolean
  readonly symbol: string | null
  readonly timeframe: string | null
  readonly bars: number | null
  /** Commit of the code that ran (`vcs.ref.head.revision`, of the span or its resource). */
  readonly revision: string | null
  readonly attributes: SpanView['attributes']
}

const KIND: Readonly<Record<string, RunView['kind']>> = {
  'backtest.run': 'backtest',
  'signals.generate': 'signals',
  'signals.stream': 'stream',
}

const REVISION = 'vcs.ref.head.revision'

export function runView(batch: TraceBatch, span: number): RunView {
  const view = viewSpan(batch, span)
  const at = batch.rows[span * STRIDE + TRACE_ID]
  const { attributes, resource } = view
  const text = (key: string, of = attributes) => {
    const value = of[key]
    return typeof value === 'string' ? value : null
  }
  const bars = attributes['tapescope.bars']
  return {
    runId: text('tapescope.run'),
    kind: KIND[view.name] ?? 'signals',
    traceId: batch.body.toString('hex', at, at + 16),
    spanId: view.spanId,
    name: view.name,
    service: view.service,
    startTime: new Date(Number(BigInt(view.startTimeUnixNano) / 1_000_000n)).toISOString(),
    durationMs: view.durationMs,
    error: view.status.code === 'error',
    symbol: text('tapescope.symbol'),
    timeframe: text('tapescope.timeframe'),
    bars: typeof bars === 'number' ? bars : null,
    revision: text(REVISION) ?? text(REVISION, resource),
    attributes,
  }
}
