import type { BarSeries } from '@tapescope/engine'
import { audit, type Author, notify } from './book-entries.ts'
import type { Transaction } from './database.ts'
import { entityId } from './entity-id.ts'
import { lifeAfterApproval, lifeOf, type SignalLife } from './signal-life.ts'
import { type BookSignal, slices } from './signal-rows.ts'

interface StoredSignal {
  id: string
  status: string
  /** Open time of the newest bar when a person approved it; null when nobody did. */
  approved_at_bar: string | null
}

/**
 * Brings the stored signals of a series, their positions and campaigns up to its newest bar. Whoever was notified
 * of a signal hears how it ended. Signals of `fresh` are new: they begin where they stand, without a message.
 */
export async function keepBook(
  transaction: Transaction,
  bars: BarSeries,
  signals: readonly BookSignal[],
  fresh: ReadonlySet<string>,
  author: Author,
): Promise<void> {
  const byId = new Map<string, StoredSignal>()
  for (const part of slices(signals)) {
    const stored = await transaction.query<StoredSignal>({
      name: 'book.signals',
      text: `SELECT id, status, validation_chain->'decision'->>'as_of' AS approved_at_bar
        FROM signals WHERE id = ANY($1) FOR UPDATE`,
      values: [part.map(({ id }) => id)],
    })
    for (const row of stored) byId.set(row.id, row)
  }
  const lives: { signal: BookSignal; life: SignalLife; before: string }[] = []
  for (const signal of signals) {
    const row = byId.get(signal.id)
    if (row === undefined || row.status === 'REJECTED') continue
    const life =
      row.approved_at_bar === null
        ? lifeOf(signal, bars)
        : lifeAfterApproval(signal, bars, Date.parse(row.approved_at_bar))
    lives.push({ signal, life, before: row.status })
  }
  const changed = lives.filter(({ life, before }) => life.status !== before)
  const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString())

  for (const part of slices(lives)) {
    await transaction.execute({
      name: 'book.advance',
      text: `UPDATE signals SET status = life.status, exit_date = life.exit_date, exit_price = life.exit_price,
        updated_at = now()
      FROM jsonb_populate_recordset(NULL::signals, $1::JSONB) AS life
      WHERE signals.id = life.id AND (signals.status, signals.exit_date, signals.exit_price)
        IS DISTINCT FROM (life.status, life.exit_date, life.exit_price)`,
      values: [
        JSON.stringify(
          part.map(({ signal, life }) => ({
            id: signal.id,
            status: life.status,
            exit_date: iso(life.exitTime),
            exit_price: life.exitPrice,
          })),
        ),
      ],
    })
  }

  const last = bars.close[bars.length - 1]
  const positions = lives
    .filter(({ life }) => life.filledTime !== null)
    .map(({ signal, life }) => {
      const price = life.exitPrice ?? last
      const side = signal.side === 'LONG' ? 1 : -1
      return {
        id: entityId('position', signal.key, life.filledTime!),
        pattern_type: signal.patternType,
        side: signal.side,
        campaign_id: signal.campaign,
        signal_id: signal.id,
        entry_date: iso(life.filledTime),
        entry_price: life.fillPrice,
        shares: signal.positionSize,
        stop_loss: signal.stopLoss,
        target_price: signal.primaryTarget,
        current_price: price,
        current_pnl: side * (price - life.fillPrice!) * signal.positionSize,
        status: life.exitTime === null ? 'OPEN' : 'CLOSED',
        allocation_frac: Math.min(0.05, signal.riskFrac),
        risk_amount: signal.riskAmount,
      }
    })
  for (const part of slices(positions)) {
    await transaction.execute({
      name: 'book.positions',
      text: `INSERT INTO positions AS old (id, pattern_type, side, campaign_id, signal_id, entry_date, entry_price, shares,
          stop_loss, target_price, current_price, current_pnl, status, allocation_frac, risk_amount)
        SELECT id, pattern_type, side, campaign_id, signal_id, entry_date, entry_price, shares, stop_loss, target_price,
          current_price, current_pnl, status, allocation_frac, risk_amount
        FROM jsonb_populate_recordset(NULL::positions, $1::JSONB)
        ON CONFLICT (id) DO UPDATE SET current_price = EXCLUDED.current_price, current_pnl = EXCLUDED.current_pnl,
          status = EXCLUDED.status, updated_at = now()
        WHERE (old.current_price, old.current_pnl, old.status)
          IS DISTINCT FROM (EXCLUDED.current_price, EXCLUDED.current_pnl, EXCLUDED.status)`,
      values: [JSON.stringify(part)],
    })
  }
  const campaigns = [...new Set(signals.map(({ campaign }) => campaign))]
  for (const part of slices(campaigns)) await updateCampaigns(transaction, part)

  const told = changed.filter(({ signal }) => !fresh.has(signal.id))
  await notify(
    transaction,
    told.map(({ signal, life, before }) => ({
      campaign: signal.campaign,
      type: life.status === 'STOPPED' ? 'emergency_exit' : 'risk_warning',
      priority: life.status === 'STOPPED' ? 'warning' : 'info',
      title: `${signal.patternType} ${signal.side} ${signal.symbol}: ${life.status}`,
      message: `From ${before} to ${life.status}${life.exitPrice === null ? '' : ` at ${life.exitPrice.toFixed(2)}`}.`,
      metadata: { signal_id: signal.id },
    })),
  )
  await audit(
    transaction,
    author,
    told.map(({ signal, life, before }) => ({
      action: 'signal_status',
      entityType: 'signal',
      entityId: signal.id,
      details: { from: before, to: life.status },
    })),
  )
}

/** Sums of a campaign's positions; it ends with its last signal: with a profit or a target COMPLETED, else FAILED. */
async function updateCampaigns(transaction: Transaction, ids: readonly string[]): Promise<void> {
  await transaction.execute({
    name: 'book.campaigns',
    text: `UPDATE campaigns SET total_shares = new.shares, weighted_avg_entry = new.entry, total_pnl = new.pnl,
        entries = new.entries, total_allocation_frac = least(0.05, new.allocation),
        current_risk_frac = least(0.05, new.risk), jump_achieved = new.jump, status = new.status,
        completed_at = CASE WHEN new.status = 'ACTIVE' THEN NULL ELSE new.ended END,
        version = version + 1, updated_at = now()
      FROM (
        SELECT campaigns.id,
          coalesce(sum(shares) FILTER (WHERE positions.status = 'OPEN'), 0) AS shares,
          round(sum(positions.entry_price * shares) / nullif(sum(shares), 0), 8) AS entry,
          coalesce(sum(current_pnl), 0) AS pnl,
          coalesce(sum(allocation_frac), 0) AS allocation,
          coalesce(sum(allocation_frac) FILTER (WHERE positions.status = 'OPEN'), 0) AS risk,
          bool_or(signals.status = 'TARGET_HIT') AS jump,
          coalesce(max(signals.exit_date), max(signals.generated_at)) AS ended,
          CASE
            WHEN bool_or(signals.status IN ('PENDING', 'APPROVED', 'FILLED')) THEN 'ACTIVE'
            WHEN bool_or(signals.status = 'TARGET_HIT') OR sum(current_pnl) > 0 THEN 'COMPLETED'
            WHEN count(positions.id) = 0 THEN 'CANCELLED'
            ELSE 'FAILED'
          END AS status,
          coalesce(jsonb_agg(jsonb_build_object('signal_id', signals.id, 'price', positions.entry_price, 'shares', shares)
            ORDER BY entry_date) FILTER (WHERE positions.id IS NOT NULL), '[]') AS entries
        FROM campaigns JOIN signals ON signals.campaign_id = campaigns.id
        LEFT JOIN positions ON positions.signal_id = signals.id
        WHERE campaigns.id = ANY($1) GROUP BY campaigns.id
      ) AS new
      WHERE campaigns.id = new.id AND (campaigns.total_shares, campaigns.total_pnl, campaigns.status, campaigns.entries)
        IS DISTINCT FROM (new.shares, new.pnl, new.status, new.entries)`,
    values: [ids],
  })
}
