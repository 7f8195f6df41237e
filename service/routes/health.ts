import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import type { ServiceContext } from '../service-context.ts'

export function healthRoutes(app: Hono, { database, version, startedAt, ready }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/healthz',
    tag: 'operation',
    summary: 'Alive while the process lives',
    success: { 200: 'Alive' },
    answer: z.object({ status: z.literal('ok'), version: z.string(), uptime_seconds: z.number() }),
    handle: async () => ({
      body: { status: 'ok' as const, version, uptime_seconds: (performance.now() - startedAt) / 1e3 },
    }),
  })

  const check = z.enum(['ok', 'failed'])
  defineRoute(app, {
    method: 'get',
    path: '/readyz',
    tag: 'operation',
    summary: 'Ready to take requests: database reachable and migrated, worker running',
    success: { 200: 'Ready', 503: 'Not ready; `checks` says why' },
    answer: z.object({
      status: z.enum(['ready', 'not_ready']),
      checks: z.object({ database: check, migrations: check, worker: check }),
    }),
    async handle() {
      const answers = await database
        .query<{ migrated: boolean }>({
          name: 'ready.check',
          text: 'SELECT count(*) >= $1 AS migrated FROM tapescope_meta.migrations',
          values: [ready.migrations],
        })
        .catch(() => [])
      const checks = {
        database: answers.length === 1 ? 'ok' : 'failed',
        migrations: answers[0]?.migrated ? 'ok' : 'failed',
        worker: ready.worker() ? 'ok' : 'failed',
      } as const
      const isReady = Object.values(checks).every((state) => state === 'ok')
      return isReady
        ? { body: { status: 'ready' as const, checks } }
        : { status: 503, body: { status: 'not_ready' as const, checks }, headers: { 'Retry-After': '2' } }
    },
  })
}
