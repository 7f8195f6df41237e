import type { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { describeRoute } from 'hono-openapi'
import { once } from 'node:events'
import { z } from 'zod'
import { problemResponses, queryOf, validate } from '../define-route.ts'
import { symbolSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

/** Proxies drop what is silent for longer, ms. */
const silentMs = 15_000
/** A client that reads slower than signals come is let go: it must not fill our memory. */
const maxUnread = 1_000

/** The types of the document are those of OpenAPI 3.0, which has no list of them. */
const withExample = { examples: ['SPX'] }

/** New signals of a symbol as server-sent events, as they are stored; without end. */
export function signalStream(app: Hono, { signalFeed, openStreams, stopping }: ServiceContext): void {
  const described = describeRoute({
    summary: 'New signals of a symbol as they are stored, without end',
    tags: ['signals'],
    parameters: [
      {
        name: 'symbol',
        in: 'query',
        required: true,
        schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,20}$', ...withExample },
      },
    ],
    responses: {
      200: {
        description:
          'Events `signal`, each with the signal as a JSON object; a comment first, and another every 15 s of silence',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...problemResponses([403, 422, 429, 503]),
    },
  })
  app.get('/api/v1/signals/events', described, (c) => {
    const { symbol } = validate(z.strictObject({ symbol: symbolSchema }), queryOf(c), 'query.')
    // A stream that nobody reads would never end.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' })
    const leaveStreams = openStreams.enter(c)
    return streamSSE(c, async (events) => {
      const stop = new AbortController()
      events.onAbort(() => stop.abort())
      const signal = AbortSignal.any([stop.signal, stopping])
      let unread = 0
      const write = (text: string) => {
        if (++unread > maxUnread) return stop.abort()
        void events.write(text).then(
          () => unread--,
          () => stop.abort(),
        )
      }
      const leave = signalFeed.subscribe(symbol, (id, json) =>
        write(`id: ${id}\nevent: signal\ndata: ${json}\n\n`),
      )
      const timer = setInterval(() => write(': still here\n\n'), silentMs)
      try {
        // At once, so that the client knows from when on nothing is missed.
        write(': listening\n\n')
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        clearInterval(timer)
        leave()
        leaveStreams()
      }
    })
  })
}
