import type { Hono } from 'hono'
import { z } from 'zod'
import { audit, type Author } from '../book-entries.ts'
import type { Database } from '../database.ts'
import { currentTraceId, defineRoute } from '../define-route.ts'
import { Problem } from '../problem.ts'
import { idSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const json = z.record(z.string(), z.unknown())
const params = z.strictObject({ id: idSchema })

/** Routes about one signal, pattern or notification: read it, decide on it, find what decided it. */
export function signalBookRoutes(app: Hono, { database, signalsChanged }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/api/v1/signals/:id',
    tag: 'signals',
    summary: 'A signal with its validation chain and pattern',
    params,
    success: { 200: 'The signal' },
    problems: [404],
    answer: z.object({ signal: json, pattern: json }),
    async handle({ params: { id } }) {
      const [row] = await database.query<{ signal: object; pattern: object }>({
        name: 'signals.read',
        text: `SELECT to_jsonb(signals) AS signal, to_jsonb(patterns) AS pattern
          FROM signals JOIN patterns ON patterns.id = pattern_id WHERE signals.id = $1`,
        values: [id],
      })
      if (row === undefined) throw new Problem(404, `No signal ${id} is stored.`)
      return { body: row as { signal: Record<string, unknown>; pattern: Record<string, unknown> } }
    },
  })

  for (const [decision, status] of [
    ['approve', 'APPROVED'],
    ['reject', 'REJECTED'],
  ] as const) {
    defineRoute(app, {
      method: 'post',
      path: `/api/v1/signals/:id/${decision}`,
      tag: 'book',
      summary: `${decision === 'approve' ? 'Approve' : 'Reject'} a signal that waits for review`,
      params,
      success: { 200: 'Decided' },
      problems: [404, 409],
      answer: z.object({ id: z.string(), status: z.string() }),
      async handle({ params: { id }, user }) {
        await decide(database, id, status, { user, traceId: currentTraceId() })
        await signalsChanged()
        return { body: { id, status } }
      },
    })
  }

  defineRoute(app, {
    method: 'post',
    path: '/api/v1/notifications/:id/read',
    tag: 'book',
    summary: 'Mark a notification as read',
    params,
    success: { 200: 'It is read' },
    problems: [404],
    answer: z.object({ id: z.string(), read: z.literal(true) }),
    async handle({ params: { id }, user }) {
      const touched = await database.execute({
        name: 'notifications.read',
        text: 'UPDATE notifications SET read = true WHERE id = $1 AND user_id = $2',
        values: [id, user],
      })
      if (touched === 0) throw new Problem(404, `${user} has no notification ${id}.`)
      return { body: { id, read: true as const } }
    },
  })

  for (const [kind, table, columns] of [
    ['signals', 'signals', 'status, validation_chain, volume_analysis || confidence_components AS measures'],
    [
      'patterns',
      'patterns',
      `coalesce(rejection_stage, 'ACCEPTED') AS status, metadata AS validation_chain,
       jsonb_build_object('volume_ratio', volume_ratio, 'spread_ratio', spread_ratio, 'confidence', confidence_score,
         'rejection_reason', rejection_reason) AS measures`,
    ],
    ['backtests', 'backtest_results', 'status, config AS validation_chain, metrics AS measures'],
  ] as const) {
    defineRoute(app, {
      method: 'get',
      path: `/api/v1/${kind}/:id/trace`,
      tag: 'explain',
      summary: `Where the trace of one of the ${kind} is, and what decided it, without any tracing backend`,
      params,
      success: { 200: 'The explanation' },
      problems: [404],
      answer: z.object({
        row_trace_id: z.string().nullable(),
        row_span_id: z.string().nullable(),
        status: z.string(),
        chain: json,
        measures: json.nullable(),
        audit: z.array(
          z.object({ user_id: z.string(), action_type: z.string(), timestamp: z.string(), details: json }),
        ),
      }),
      async handle({ params: { id } }) {
        const key = kind === 'backtests' ? 'backtest_run_id' : 'id'
        const [row] = await database.query<Explained>({
          name: `${kind}.explain`,
          text: `SELECT trace_id, span_id, ${columns} FROM ${table} WHERE ${key} = $1`,
          values: [id],
        })
        if (row === undefined) throw new Problem(404, `None of the ${kind} has the id ${id}.`)
        const actions = await database.query<{
          user_id: string
          action_type: string
          timestamp: string
          details: Record<string, unknown>
        }>({
          name: 'audit.of_entity',
          text: `SELECT user_id, action_type, timestamp, details FROM audit_logs WHERE entity_id = $1
            ORDER BY timestamp`,
          values: [id],
        })
        return {
          body: {
            row_trace_id: row.trace_id,
            row_span_id: row.span_id,
            status: row.status,
            chain: row.validation_chain,
            measures: row.measures,
            audit: actions,
          },
        }
      },
    })
  }
}

interface Explained {
  trace_id: string | null
  span_id: string | null
  status: string
  validation_chain: Record<string, unknown>
  measures: Record<string, unknown> | null
}

/**
 * A person's decision on a signal that waits for review. It becomes part of the chain that decided the signal, with the
 * bar it was taken at, from which the book goes on. Deciding the same again changes nothing.
 * @throws Problem 404 for an unknown signal, 409 for one that nothing waits for
 */
async function decide(
  database: Database,
  id: string,
  status: 'APPROVED' | 'REJECTED',
  author: Author,
): Promise<void> {
  await database.transaction(async (transaction) => {
    const [row] = await transaction.query<{ status: string; as_of: string | null }>({
      name: 'signals.lock_one',
      text: `SELECT status, (SELECT max(timestamp) FROM ohlcv_bars WHERE ohlcv_bars.symbol = signals.symbol
          AND ohlcv_bars.timeframe = signals.timeframe) AS as_of
        FROM signals WHERE id = $1 FOR UPDATE`,
      values: [id],
    })
    if (row === undefined) throw new Problem(404, `No signal ${id} is stored.`)
    if (row.status === status) return
    if (row.status !== 'PENDING') {
      throw new Problem(409, `Signal ${id} is ${row.status}: only one that is PENDING can be decided on.`)
    }
    const decision = { status, user_id: author.user, as_of: row.as_of, decided_at: new Date().toISOString() }
    await transaction.execute({
      name: 'signals.decide',
      text: `UPDATE signals SET status = $2, updated_at = now(),
        validation_chain = validation_chain || jsonb_build_object('decision', $3::JSONB) WHERE id = $1`,
      values: [id, status, JSON.stringify(decision)],
    })
    await audit(transaction, author, [
      {
        action: status === 'APPROVED' ? 'signal_approved' : 'signal_rejected',
        entityType: 'signal',
        entityId: id,
        details: { from: row.status, as_of: row.as_of },
      },
    ])
  })
}
