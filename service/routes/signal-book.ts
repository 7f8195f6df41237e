import { randomBytes } from 'node:crypto'
import type { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../database.ts'
import { currentTraceId, defineRoute } from '../define-route.ts'
import { newId } from '../entity-id.ts'
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
      async handle({ params: { id } }) {
        await decide(database, id, status)
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
    async handle({ params: { id } }) {
      const touched = await database.execute({
        name: 'notifications.read',
        text: 'UPDATE notifications SET read = true WHERE id = $1',
        values: [id],
      })
      if (touched === 0) throw new Problem(404, `No notification ${id} is stored.`)
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
        audit: z.array(z.object({ action_type: z.string(), timestamp: z.string(), details: json })),
      }),
      async handle({ params: { id } }) {
        const key = kind === 'backtests' ? 'backtest_run_id' : 'id'
        const [row] = await database.query<Explained>({
          name: `${kind}.explain`,
          text: `SELECT trace_id, span_id, ${columns} FROM ${table} WHERE ${key} = $1`,
          values: [id],
        })
        if (row === undefined) throw new Problem(404, `None of the ${kind} has the id ${id}.`)
        const audit = await database.query<{
          action_type: string
          timestamp: string
          details: Record<string, unknown>
        }>({
          name: 'audit.of_entity',
          text: `SELECT action_type, timestamp, details FROM audit_logs WHERE user_id = 'local' AND entity_id = $1
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
            audit,
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

/** @throws Problem 404 for an unknown signal, 409 for one that nothing waits for */
async function decide(database: Database, id: string, status: 'APPROVED' | 'REJECTED'): Promise<void> {
  await database.transaction(async (transaction) => {
    const [row] = await transaction.query<{ status: string; as_of: string | null }>({
      name: 'signals.lock_one',
      text: `SELECT status, (SELECT max(timestamp) FROM ohlcv_bars WHERE ohlcv_bars.symbol = signals.symbol
          AND ohlcv_bars.timeframe = signals.timeframe) AS as_of
        FROM signals WHERE id = $1 FOR UPDATE`,
      values: [id],
    })
    if (row === undefined) throw new Problem(404, `No signal ${id} is stored.`)
    if (row.status !== 'PENDING' && row.status !== 'APPROVED') {
      throw new Problem(
        409,
        `Signal ${id} is ${row.status}: only one that is PENDING or APPROVED can be decided on.`,
      )
    }
    await transaction.execute({
      name: 'signals.decide',
      text: 'UPDATE signals SET status = $2, updated_at = now() WHERE id = $1',
      values: [id, status],
    })
    await transaction.execute({
      name: 'audit.decide',
      text: `INSERT INTO audit_logs (id, action_type, entity_type, entity_id, details, trace_id)
        VALUES ($1, $2, 'signal', $3, $4, $5)`,
      values: [
        newId(Date.now(), randomBytes(16)),
        status === 'APPROVED' ? 'signal_approved' : 'signal_rejected',
        id,
        JSON.stringify({ from: row.status, as_of: row.as_of }),
        currentTraceId(),
      ],
    })
  })
}
