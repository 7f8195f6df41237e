import type {
  BarSeries,
  Pattern,
  Signal,
  SignalResult,
  TradingRange,
  ValidationChain,
} from '@tapescope/engine'
import { hash } from 'node:crypto'
import { decisionOf } from './decision-chain.ts'
import { barMs, type SeriesKey } from './load-bars.ts'
import { campaignUuid, patternId, rangeId, signalId } from './signal-ids.ts'
import { snakeCase } from './snake-case.ts'

/** Rows of one table as the statement takes them. */
export interface RowSlice {
  /** A JSON array of rows. */
  readonly json: string
  /** The same rows have the same: what was stored before need not be sent again. */
  readonly digest: string
}

/** What the book needs of a signal: plain values, so that thousands of them are soon copied from a thread. */
export interface BookSignal extends Pick<
  Signal,
  | 'key'
  | 'symbol'
  | 'timeframe'
  | 'patternType'
  | 'side'
  | 'status'
  | 'filledBar'
  | 'fillPrice'
  | 'exitBar'
  | 'exitPrice'
  | 'entryPrice'
  | 'stopLoss'
  | 'primaryTarget'
  | 'rMultiple'
  | 'positionSize'
  | 'riskFrac'
  | 'riskAmount'
  | 'confidenceScore'
> {
  readonly id: string
  readonly campaign: string
}

/** All that an analysis found, as it is stored; the oldest first, so that only the last slices change with new bars. */
export interface SignalRows {
  readonly ranges: readonly RowSlice[]
  readonly patterns: readonly RowSlice[]
  readonly campaigns: readonly RowSlice[]
  readonly signals: readonly RowSlice[]
  readonly book: readonly BookSignal[]
}

/** Rows per statement: each stays far below its time limit, however long the series. */
const sliceRows = 500

/** Neither who asked nor in which trace is part of it: the same bars give the same rows. */
export function signalRows({ symbol, timeframe }: BarSeries, result: SignalResult): SignalRows {
  const key = { symbol, timeframe }
  const chains = new Map<string, ValidationChain | null>()
  for (const { key, chain } of result.rejected) chains.set(key, chain)
  for (const { key, validationChain } of result.signals) chains.set(key, validationChain)
  return {
    ranges: sliced(result.ranges, (range) => rangeRow(key, range)),
    patterns: sliced(result.patterns, (pattern) => patternRow(key, pattern, chains.get(pattern.key) ?? null)),
    campaigns: sliced(result.signals, (signal) => campaignRow(key, signal)),
    signals: sliced(result.signals, (signal) => signalRow(key, signal)),
    book: result.signals.map(bookSignal),
  }
}

/** Parts of a list that one statement takes. */
export function* slices<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let first = 0; first < items.length; first += sliceRows) yield items.slice(first, first + sliceRows)
}

function sliced<Item>(items: readonly Item[], rowOf: (item: Item) => unknown): RowSlice[] {
  return Array.from(slices(items), (part) => {
    const json = JSON.stringify(part.map(rowOf))
    return { json, digest: hash('sha1', json, 'base64') }
  })
}

function bookSignal(signal: Signal): BookSignal {
  return {
    id: signalId(signal),
    campaign: campaignUuid(signal.campaignId),
    key: signal.key,
    symbol: signal.symbol,
    timeframe: signal.timeframe,
    patternType: signal.patternType,
    side: signal.side,
    status: signal.status,
    filledBar: signal.filledBar,
    fillPrice: signal.fillPrice,
    exitBar: signal.exitBar,
    exitPrice: signal.exitPrice,
    entryPrice: signal.entryPrice,
    stopLoss: signal.stopLoss,
    primaryTarget: signal.primaryTarget,
    rMultiple: signal.rMultiple,
    positionSize: signal.positionSize,
    riskFrac: signal.riskFrac,
    riskAmount: signal.riskAmount,
    confidenceScore: signal.confidenceScore,
  }
}

function rangeRow(key: SeriesKey, range: TradingRange) {
  return {
    id: rangeId(key, range),
    ...series(key),
    start_time: iso(range.startTime),
    end_time: iso(range.endTime),
    duration_bars: range.durationBars,
    creek_level: range.creek.price,
    ice_level: range.ice.price,
    jump_target: range.jump,
    drop_target: range.drop,
    cause_factor: range.causeFactor,
    range_width_frac: range.widthFrac,
    phase: range.phase,
    bias: range.bias,
    status: range.status,
    quality_score: range.quality,
    strength_score: Math.min(range.creek.strength, range.ice.strength),
    touch_count_creek: range.creek.touches,
    touch_count_ice: range.ice.touches,
    version: range.version,
  }
}

function patternRow(key: SeriesKey, pattern: Pattern, chain: ValidationChain | null) {
  return {
    id: patternId(pattern),
    ...series(key),
    pattern_type: pattern.type,
    side: pattern.side,
    detection_time: iso(pattern.confirmedTime),
    pattern_bar_timestamp: iso(pattern.time),
    confidence_score: pattern.confidence,
    phase: pattern.phase,
    trading_range_id: rangeId(key, pattern.range),
    entry_price: pattern.plan?.entryPrice ?? null,
    stop_loss: pattern.plan?.stopLoss ?? null,
    invalidation_level: pattern.invalidationLevel,
    volume_ratio: pattern.volumeRatio,
    spread_ratio: pattern.spreadRatio,
    test_confirmed: pattern.test !== null,
    test_bar_timestamp: pattern.test === null ? null : iso(pattern.test.time),
    rejection_stage: pattern.rejectionStage,
    rejection_reason: pattern.rejectionReason,
    metadata: {
      key: pattern.key,
      tier: pattern.tier,
      status: pattern.status,
      phase_confidence: pattern.phaseConfidence,
      ...(snakeCase(pattern.metadata) as object),
      decided: decisionOf(pattern, chain),
    },
    metadata_version: 2,
  }
}

function campaignRow(key: SeriesKey, signal: Signal) {
  return {
    id: campaignUuid(signal.campaignId),
    campaign_id: signal.campaignId,
    ...series(key),
    side: signal.side,
    trading_range_id: rangeId(key, signal.pattern.range),
    phase: signal.phase,
    started_at: iso(signal.confirmedTime),
  }
}

function signalRow(key: SeriesKey, signal: Signal) {
  return {
    id: signalId(signal),
    ...series(key),
    phase: signal.phase,
    pattern_id: patternId(signal.pattern),
    signal_type: signal.patternType,
    side: signal.side,
    generated_at: iso(signal.confirmedTime),
    expires_at: iso(signal.confirmedTime + (signal.expiresBar - signal.confirmedBar) * barMs[key.timeframe]),
    entry_price: signal.entryPrice,
    stop_loss: signal.stopLoss,
    target_1: signal.primaryTarget,
    target_2: signal.secondaryTargets[0] ?? null,
    position_size: signal.positionSize,
    risk_amount: signal.riskAmount,
    notional_value: signal.notionalValue,
    r_multiple: signal.rMultiple,
    confidence_score: signal.confidenceScore,
    confidence_components: signal.confidenceComponents,
    validation_chain: snakeCase(signal.validationChain),
    volume_analysis: snakeCase(signal.volumeAnalysis),
    campaign_id: campaignUuid(signal.campaignId),
    campaign_allocation: signal.campaignAllocation,
    status: signal.status,
    requires_review: signal.requiresReview,
    schema_version: signal.schemaVersion,
  }
}

function series({ symbol, timeframe }: SeriesKey) {
  return { symbol, timeframe }
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
