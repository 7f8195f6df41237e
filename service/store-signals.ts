import type {
  BarSeries,
  Pattern,
  Signal,
  SignalResult,
  TradingRange,
  ValidationChain,
} from '@tapescope/engine'
import { audit, type AuditEntry, type Notice, notify } from './book-entries.ts'
import type { Database, Statement } from './database.ts'
import { decisionOf } from './decision-chain.ts'
import { keepBook } from './keep-book.ts'
import { barMs, type SeriesKey } from './load-bars.ts'
import { campaignUuid, patternId, rangeId, type RowTrace, signalId } from './signal-ids.ts'
import { snakeCase } from './snake-case.ts'

export interface StoredSignals {
  /** Ids of the signals that were not stored before. */
  newSignals: string[]
}

/** Stores what an analysis found. Ids come from natural keys, so the same bars again store nothing new. */
export async function storeSignals(
  database: Database,
  bars: BarSeries,
  result: SignalResult,
  trace: RowTrace | null,
  user: string,
): Promise<StoredSignals> {
  const author = { user, traceId: trace?.traceId ?? null }
  const { symbol, timeframe } = bars
  const key = { symbol, timeframe }
  if (result.ranges.length === 0) return { newSignals: [] }
  return database.transaction(async (transaction) => {
    await transaction.query({
      name: 'signals.lock',
      text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      values: [`signals ${key.symbol} ${key.timeframe}`],
    })
    await transaction.execute(upsertRanges(result.ranges.map((range) => rangeRow(key, range))))
    if (result.patterns.length === 0) return { newSignals: [] }
    const chains = new Map<string, ValidationChain | null>()
    for (const { key, chain } of result.rejected) chains.set(key, chain)
    for (const { key, validationChain } of result.signals) chains.set(key, validationChain)
    await transaction.execute(
      upsertPatterns(
        result.patterns.map((pattern) => patternRow(key, pattern, chains.get(pattern.key) ?? null, trace)),
      ),
    )
    if (result.signals.length === 0) return { newSignals: [] }
    await transaction.execute(insertCampaigns(result.signals.map((signal) => campaignRow(key, signal, user))))
    const rows = result.signals.map((signal) => signalRow(key, signal, trace))
    const inserted = await transaction.query<{ id: string }>(insertSignals(rows))
    const newSignals = inserted.map(({ id }) => id)
    if (newSignals.length > 0) {
      const isNew = new Set(newSignals)
      const fresh = result.signals.filter((signal) => isNew.has(signalId(signal)))
      await notify(transaction, fresh.map(noticeOf))
      await audit(transaction, author, fresh.map(auditEntryOf))
    }
    await keepBook(transaction, bars, result, new Set(newSignals), author)
    return { newSignals }
  })
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

function patternRow(key: SeriesKey, pattern: Pattern, chain: ValidationChain | null, trace: RowTrace | null) {
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
    trace_id: trace?.traceId ?? null,
    span_id: trace?.spanId ?? null,
  }
}

function campaignRow(key: SeriesKey, signal: Signal, user: string) {
  return {
    id: campaignUuid(signal.campaignId),
    campaign_id: signal.campaignId,
    user_id: user,
    ...series(key),
    side: signal.side,
    trading_range_id: rangeId(key, signal.pattern.range),
    phase: signal.phase,
    started_at: iso(signal.confirmedTime),
  }
}

function signalRow(key: SeriesKey, signal: Signal, trace: RowTrace | null) {
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
    trace_id: trace?.traceId ?? null,
    span_id: trace?.spanId ?? null,
    schema_version: signal.schemaVersion,
  }
}

function noticeOf(signal: Signal): Notice {
  return {
    campaign: campaignUuid(signal.campaignId),
    type: 'signal_generated',
    priority: 'info',
    title: `${signal.patternType} ${signal.side} ${signal.symbol} ${signal.timeframe}`,
    message:
      `Entry ${signal.entryPrice.toFixed(2)}, stop ${signal.stopLoss.toFixed(2)}, ` +
      `target ${signal.primaryTarget.toFixed(2)}, R ${signal.rMultiple.toFixed(2)}, ` +
      `confidence ${signal.confidenceScore}.`,
    metadata: { signal_id: signalId(signal), symbol: signal.symbol },
  }
}

function auditEntryOf(signal: Signal): AuditEntry {
  return {
    action: 'signal_stored',
    entityType: 'signal',
    entityId: signalId(signal),
    details: { key: signal.key, status: signal.status },
  }
}

function series({ symbol, timeframe }: SeriesKey) {
  return { symbol, timeframe }
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** All rows of one table in one statement: a JSON array unpacked by the table's own row type. */
function upsertRanges(rows: unknown[]): Statement {
  const changing =
    'end_time, duration_bars, creek_level, ice_level, jump_target, drop_target, cause_factor, range_width_frac, ' +
    'phase, bias, status, quality_score, strength_score, touch_count_creek, touch_count_ice, version'
  return {
    name: 'ranges.upsert',
    text: `INSERT INTO trading_ranges AS old (id, symbol, timeframe, start_time, ${changing})
      SELECT id, symbol, timeframe, start_time, ${changing} FROM jsonb_populate_recordset(NULL::trading_ranges, $1::JSONB)
      ON CONFLICT (id) DO UPDATE SET (${changing}, updated_at) = (${excluded(changing)}, now())
      WHERE (${qualified('old', changing)}) IS DISTINCT FROM (${excluded(changing)})`,
    values: [JSON.stringify(rows)],
  }
}

function upsertPatterns(rows: unknown[]): Statement {
  const changing =
    'confidence_score, entry_price, stop_loss, invalidation_level, test_confirmed, test_bar_timestamp, ' +
    'rejection_stage, rejection_reason, metadata'
  const fixed =
    'id, symbol, timeframe, pattern_type, side, detection_time, pattern_bar_timestamp, phase, trading_range_id, ' +
    'volume_ratio, spread_ratio, metadata_version, trace_id, span_id'
  return {
    name: 'patterns.upsert',
    text: `INSERT INTO patterns AS old (${fixed}, ${changing})
      SELECT ${fixed}, ${changing} FROM jsonb_populate_recordset(NULL::patterns, $1::JSONB)
      ON CONFLICT (id) DO UPDATE SET (${changing}) = (${excluded(changing)})
      WHERE (${qualified('old', changing)}) IS DISTINCT FROM (${excluded(changing)})`,
    values: [JSON.stringify(rows)],
  }
}

function insertCampaigns(rows: unknown[]): Statement {
  return {
    name: 'campaigns.insert',
    text: `INSERT INTO campaigns (id, campaign_id, user_id, symbol, timeframe, side, trading_range_id, phase, started_at, status,
        total_allocation_frac, current_risk_frac, total_shares, total_pnl, entries, jump_achieved, version)
      SELECT DISTINCT ON (campaign_id) id, campaign_id, user_id, symbol, timeframe, side, trading_range_id, phase, started_at,
        'ACTIVE', 0, 0, 0, 0, '[]'::JSONB, false, 1
      FROM jsonb_populate_recordset(NULL::campaigns, $1::JSONB) ORDER BY campaign_id, started_at
      ON CONFLICT (campaign_id) DO NOTHING`,
    values: [JSON.stringify(rows)],
  }
}

function insertSignals(rows: unknown[]): Statement {
  const columns =
    'id, symbol, timeframe, phase, pattern_id, signal_type, side, generated_at, expires_at, entry_price, stop_loss, target_1, ' +
    'target_2, position_size, risk_amount, notional_value, r_multiple, confidence_score, confidence_components, ' +
    'validation_chain, volume_analysis, campaign_id, campaign_allocation, status, requires_review, trace_id, span_id, ' +
    'schema_version'
  return {
    name: 'signals.insert',
    text: `INSERT INTO signals (${columns}, notification_sent)
      SELECT ${columns}, true FROM jsonb_populate_recordset(NULL::signals, $1::JSONB)
      ON CONFLICT (id) DO NOTHING RETURNING id`,
    values: [JSON.stringify(rows)],
  }
}

function excluded(columns: string): string {
  return qualified('EXCLUDED', columns)
}

function qualified(table: string, columns: string): string {
  return columns
    .split(', ')
    .map((column) => `${table}.${column}`)
    .join(', ')
}
