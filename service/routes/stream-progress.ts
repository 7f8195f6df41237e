import type { Hono } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import { describeRoute } from 'hono-openapi'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { problemResponses, validate } from '../define-route.ts'
import { readSweepState } from '../jobs/read-sweep.ts'
import { isOver } from '../jobs/wait-for-run.ts'
import { readBacktest } from '../read-backtest.ts'
import { idSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

interface Progress {
  over: boolean
  /** What an event says. */
  state: Record<string, unknown>
}

/** How often a stream looks, ms. */
const everyMs = 500
/** Proxies drop what is silent for longer, ms. */
const silentMs = 15_000

/**
 * Progress as server-sent events: `progress` whenever it has changed, `end` when it is over, and the stream ends. The
 * first event comes at once, so whoever comes again after a lost connection has missed nothing.
 */
export function progressStreams(app: Hono, { database, openStreams, stopping }: ServiceContext): void {
  stream('/api/v1/backtests/:id/events', 'The progress of a backtest until it is over', async (id) => {
    const { status, bars_done, bars_total, attempt, error } = await readBacktest(database, id, [])
    return { over: isOver(status), state: { status, bars_done, bars_total, attempt, error } }
  })
  stream('/api/v1/sweeps/:id/events', 'The progress of a sweep until it is over', async (id) => {
    const { status, runs, counts } = await readSweepState(database, id)
    return { over: status === 'COMPLETED' || status === 'CANCELLED', state: { status, runs, counts } }
  })

  function stream(path: string, summary: string, read: (id: string) => Promise<Progress>): void {
    app.get(
      path,
      describeRoute({
        summary,
        tags: ['backtests'],
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
        responses: {
          200: {
            description: 'Events `progress` and `end`, each with a JSON object',
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
          ...problemResponses([403, 404, 422, 429, 503]),
        },
      }),
      async (c) => {
        const { id } = validate(z.strictObject({ id: idSchema }), { id: c.req.param('id') }, 'path.')
        // An id that is not known is a 404, not a stream.
        let now = await read(id)
        // A stream that nobody reads would never end.
        if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' })
        const leave = openStreams.enter(c)
        return streamSSE(c, async (events) => {
          try {
            await tell(events)
          } finally {
            leave()
          }
        })

        async function tell(events: SSEStreamingApi): Promise<void> {
          const stop = new AbortController()
          events.onAbort(() => stop.abort())
          const signal = AbortSignal.any([stop.signal, stopping])
          let said = ''
          let saidAt = 0
          while (!signal.aborted) {
            const data = JSON.stringify(now.state)
            if (data !== said || now.over) {
              await events.writeSSE({ event: now.over ? 'end' : 'progress', data })
              said = data
              saidAt = performance.now()
            } else if (performance.now() - saidAt > silentMs) {
              await events.write(': still here\n\n')
              saidAt = performance.now()
            }
            if (now.over) return
            await sleep(everyMs, undefined, { signal }).catch(() => undefined)
            // While the database is away the stream waits for it.
            now = await read(id).catch(() => now)
          }
        }
      },
    )
  }
}
