import type { Hono } from 'hono'
import { z } from 'zod'
import { audit, type Author } from '../book-entries.ts'
import type { Database } from '../database.ts'
import { currentTraceId, defineRoute } from '../define-route.ts'
import { Problem } from '../problem.ts'
import { patternRow, signalDetail } from '../row-schemas.ts'
import { idSchema, signalStatusSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const params = z.strictObject({ id: idSchema })

/** Routes about one signal or notification: read it, decide on it. */
export function signalBookRoutes(app: Hono, { database, signalsChanged }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/api/v1/signals/:id',
    tag: 'signals',
    summary: 'A signal with its validation chain and pattern',
    params,
    success: { 200: 'The signal' },
    problems: [404],
    answer: z.object({ signal: signalDetail, pattern: patternRow }),
    async handle({ params: { id } }) {
      const [signal] = await database.query<z.output<typeof signalDetail>>({
        name: 'signals.read',
        text: `SELECT ${Object.keys(signalDetail.shape).join(', ')} FROM signals WHERE id = $1`,
        values: [id],
      })
      if (signal === undefined) throw new Problem(404, `No signal ${id} is stored.`)
      const [pattern] = await database.query<z.output<typeof patternRow>>({
        name: 'patterns.read',
        text: `SELECT ${Object.keys(patternRow.shape).join(', ')} FROM patterns WHERE id = $1`,
        values: [signal.pattern_id],
      })
      return { body: { signal, pattern } }
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
      answer: z.object({ id: idSchema, status: signalStatusSchema }),
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
    answer: z.object({ id: idSchema, read: z.literal(true) }),
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
