import type { BarSeries, SignalResult } from '@tapescope/engine'
import { audit, type AuditEntry, type Notice, notify } from './book-entries.ts'
import type { Database, Statement } from './database.ts'
import { keepBook } from './keep-book.ts'
import type { RowTrace } from './signal-ids.ts'
import { type BookSignal, type RowSlice, signalRows, type SignalRows } from './signal-rows.ts'

interface StoredSignals {
  /** Ids of the signals that were not stored before. */
  newSignals: string[]
  /** Of all slices: those that `storeRows` need not send again. */
  digests: ReadonlySet<string>
}

/** Stores what an analysis found. Ids come from natural keys, so the same bars again store nothing new. */
export function storeSignals(
  database: Database,
  bars: BarSeries,
  result: SignalResult,
  trace: RowTrace | null,
  user: string,
): Promise<StoredSignals> {
  return storeRows(database, bars, signalRows(bars, result), trace, user)
}

/** `stored` has the digests of what is stored already, and must not be wrong about it. All or nothing is stored. */
export async function storeRows(
  database: Database,
  bars: BarSeries,
  rows: SignalRows,
  trace: RowTrace | null,
  user: string,
  stored: ReadonlySet<string> = new Set(),
): Promise<StoredSignals> {
  const { ranges, patterns, campaigns, signals } = rows
  const author = { user, traceId: trace?.traceId ?? null }
  const digests = new Set([ranges, patterns, campaigns, signals].flat().map(({ digest }) => digest))
  const unknown = ({ digest }: RowSlice) => !stored.has(digest)
  const newSignals: string[] = []
  if (ranges.length === 0) return { newSignals, digests }
  await database.transaction(async (transaction) => {
    await transaction.query({
      name: 'signals.lock',
      text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      values: [`signals ${bars.symbol} ${bars.timeframe}`],
    })
    for (const slice of ranges.filter(unknown)) await transaction.execute(upsertRanges(slice))
    for (const slice of patterns.filter(unknown)) await transaction.execute(upsertPatterns(slice, trace))
    for (const slice of campaigns.filter(unknown)) await transaction.execute(insertCampaigns(slice, user))
    for (const slice of signals.filter(unknown)) {
      const inserted = await transaction.query<{ id: string }>(insertSignals(slice, trace))
      for (const { id } of inserted) newSignals.push(id)
    }
    if (rows.book.length === 0) return
    const isNew = new Set(newSignals)
    const fresh = rows.book.filter(({ id }) => isNew.has(id))
    await notify(transaction, fresh.map(noticeOf))
    await audit(transaction, author, fresh.map(auditEntryOf))
    await keepBook(transaction, bars, rows.book, isNew, author)
  })
  return { newSignals, digests }
}

function noticeOf(signal: BookSignal): Notice {
  return {
    campaign: signal.campaign,
    type: 'signal_generated',
    priority: 'info',
    title: `${signal.patternType} ${signal.side} ${signal.symbol} ${signal.timeframe}`,
    message:
      `Entry ${signal.entryPrice.toFixed(2)}, stop ${signal.stopLoss.toFixed(2)}, ` +
      `target ${signal.primaryTarget.toFixed(2)}, R ${signal.rMultiple.toFixed(2)}, ` +
      `confidence ${signal.confidenceScore}.`,
    metadata: { signal_id: signal.id, symbol: signal.symbol },
  }
}

function auditEntryOf(signal: BookSignal): AuditEntry {
  return {
    action: 'signal_stored',
    entityType: 'signal',
    entityId: signal.id,
    details: { key: signal.key, status: signal.status },
  }
}

/** Rows of one table in one statement: a JSON array unpacked by the table's own row type. */
function upsertRanges({ json }: RowSlice): Statement {
  const changing =
    'end_time, duration_bars, creek_level, ice_level, jump_target, drop_target, cause_factor, range_width_frac, ' +
    'phase, bias, status, quality_score, strength_score, touch_count_creek, touch_count_ice, version'
  return {
    name: 'ranges.upsert',
    text: `INSERT INTO trading_ranges AS old (id, symbol, timeframe, start_time, ${changing})
      SELECT id, symbol, timeframe, start_time, ${changing} FROM jsonb_populate_recordset(NULL::trading_ranges, $1::JSONB)
      ON CONFLICT (id) DO UPDATE SET (${changing}, updated_at) = (${excluded(changing)}, now())
      WHERE (${qualified('old', changing)}) IS DISTINCT FROM (${excluded(changing)})`,
    values: [json],
  }
}

function upsertPatterns({ json }: RowSlice, trace: RowTrace | null): Statement {
  const changing =
    'confidence_score, entry_price, stop_loss, invalidation_level, test_confirmed, test_bar_timestamp, ' +
    'rejection_stage, rejection_reason, metadata'
  const fixed =
    'id, symbol, timeframe, pattern_type, side, detection_time, pattern_bar_timestamp, phase, trading_range_id, ' +
    'volume_ratio, spread_ratio, metadata_version'
  return {
    name: 'patterns.upsert',
    text: `INSERT INTO patterns AS old (${fixed}, ${changing}, trace_id, span_id)
      SELECT ${fixed}, ${changing}, $2, $3 FROM jsonb_populate_recordset(NULL::patterns, $1::JSONB)
      ON CONFLICT (id) DO UPDATE SET (${changing}) = (${excluded(changing)})
      WHERE (${qualified('old', changing)}) IS DISTINCT FROM (${excluded(changing)})`,
    values: [json, ...idsOf(trace)],
  }
}

function insertCampaigns({ json }: RowSlice, user: string): Statement {
  return {
    name: 'campaigns.insert',
    text: `INSERT INTO campaigns (id, campaign_id, user_id, symbol, timeframe, side, trading_range_id, phase, started_at, status,
        total_allocation_frac, current_risk_frac, total_shares, total_pnl, entries, jump_achieved, version)
      SELECT DISTINCT ON (campaign_id) id, campaign_id, $2, symbol, timeframe, side, trading_range_id, phase, started_at,
        'ACTIVE', 0, 0, 0, 0, '[]'::JSONB, false, 1
      FROM jsonb_populate_recordset(NULL::campaigns, $1::JSONB) ORDER BY campaign_id, started_at
      ON CONFLICT (campaign_id) DO NOTHING`,
    values: [json, user],
  }
}

function insertSignals({ json }: RowSlice, trace: RowTrace | null): Statement {
  const columns =
    'id, symbol, timeframe, phase, pattern_id, signal_type, side, generated_at, expires_at, entry_price, stop_loss, target_1, ' +
    'target_2, position_size, risk_amount, notional_value, r_multiple, confidence_score, confidence_components, ' +
    'validation_chain, volume_analysis, campaign_id, campaign_allocation, status, requires_review, ' +
    'schema_version'
  return {
    name: 'signals.insert',
    text: `INSERT INTO signals (${columns}, notification_sent, trace_id, span_id)
      SELECT ${columns}, true, $2, $3 FROM jsonb_populate_recordset(NULL::signals, $1::JSONB)
      ON CONFLICT (id) DO NOTHING RETURNING id`,
    values: [json, ...idsOf(trace)],
  }
}

function idsOf(trace: RowTrace | null): [string | null, string | null] {
  return [trace?.traceId ?? null, trace?.spanId ?? null]
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
