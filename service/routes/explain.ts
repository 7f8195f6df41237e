import type { Hono } from 'hono'
import { z } from 'zod'
import type { Queryable } from '../database.ts'
import { decidedStage, type DecidedStage } from '../decision-chain.ts'
import { defineRoute } from '../define-route.ts'
import { explainBacktest } from '../explain-backtest.ts'
import { Problem } from '../problem.ts'
import { idSchema, isoTimeSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const json = z.record(z.string(), z.unknown())
const decision = z.object({
  status: z.string(),
  user_id: z.string(),
  as_of: isoTimeSchema,
  decided_at: isoTimeSchema,
})

const explanation = z
  .object({
    id: z.string(),
    symbol: z.string(),
    timeframe: z.string(),
    status: z.string(),
    row_trace_id: z
      .string()
      .nullable()
      .meta({ description: 'The trace that made the row; null when none did' }),
    row_span_id: z.string().nullable(),
    chain: z.array(decidedStage).meta({ description: 'In the order in which it was decided' }),
    warnings: z.array(z.string()),
    rejection: z.object({ stage: z.string(), reason: z.string() }).nullable(),
    decision: decision.nullable().meta({ description: "A person's, on a signal that waited for review" }),
    audit: z.array(
      z.object({
        user_id: z.string(),
        action_type: z.string(),
        timestamp: isoTimeSchema,
        details: json,
        trace_id: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Explanation' })

interface Explained {
  symbol: string
  timeframe: string
  status: string
  row_trace_id: string | null
  row_span_id: string | null
  chain: DecidedStage[] | null
  rejection_stage: string | null
  rejection_reason: string | null
  decision: z.output<typeof decision> | null
}

/** A pattern's stages hang on the pattern: a signal's are those of the pattern that it came from. */
const select = {
  signals: `SELECT signals.symbol, signals.timeframe, signals.status, signals.trace_id AS row_trace_id,
      signals.span_id AS row_span_id, metadata->'decided' AS chain, rejection_stage, rejection_reason,
      validation_chain->'decision' AS decision
    FROM signals JOIN patterns ON patterns.id = pattern_id WHERE signals.id = $1`,
  patterns: `SELECT symbol, timeframe, metadata->>'status' AS status, trace_id AS row_trace_id,
      span_id AS row_span_id, metadata->'decided' AS chain, rejection_stage, rejection_reason, NULL AS decision
    FROM patterns WHERE id = $1`,
  backtests: `SELECT symbol, timeframe, status, trace_id AS row_trace_id, span_id AS row_span_id, NULL::JSONB AS chain,
      NULL AS rejection_stage, NULL AS rejection_reason, NULL AS decision
    FROM backtest_results WHERE backtest_run_id = $1`,
} as const

/** `GET .../{id}/trace`: where the trace of a row is, and what decided it, readable without any tracing backend. */
export function explainRoutes(app: Hono, { database }: ServiceContext): void {
  for (const kind of ['signals', 'patterns', 'backtests'] as const) {
    defineRoute(app, {
      method: 'get',
      path: `/api/v1/${kind}/:id/trace`,
      tag: 'explain',
      summary: `What decided one of the ${kind}, and where its trace is`,
      params: z.strictObject({ id: idSchema }),
      success: { 200: 'The explanation' },
      problems: [404],
      answer: explanation,
      handle: async ({ params: { id } }) => ({ body: await explain(database, kind, id) }),
    })
  }
}

async function explain(
  database: Queryable,
  kind: keyof typeof select,
  id: string,
): Promise<z.input<typeof explanation>> {
  const [row] = await database.query<Explained>({
    name: `${kind}.explain`,
    text: select[kind],
    values: [id],
  })
  if (row === undefined) throw new Problem(404, `None of the ${kind} has the id ${id}.`)
  const chain = kind === 'backtests' ? await explainBacktest(database, id) : (row.chain ?? [])
  const audit = await database.query<z.output<typeof explanation>['audit'][number]>({
    name: 'audit.of_entity',
    text: `SELECT user_id, action_type, timestamp, details, trace_id FROM audit_logs WHERE entity_id = $1
      ORDER BY timestamp, id`,
    values: [id],
  })
  const { rejection_stage: stage, rejection_reason: reason, chain: _, ...found } = row
  return {
    id,
    ...found,
    chain,
    warnings: chain.flatMap(({ verdict, reason }) => (verdict === 'WARN' && reason !== null ? [reason] : [])),
    rejection: stage === null || reason === null ? null : { stage, reason },
    audit,
  }
}
