import { trace } from '@opentelemetry/api'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { bodyLimit } from 'hono/body-limit'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { secureHeaders } from 'hono/secure-headers'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { describeRoute } from 'hono-openapi'
import { DatabaseError } from 'pg'
import { databaseDefaults } from './database.ts'
import { currentTraceId, problemResponses } from './define-route.ts'
import { decompressBody } from './decompress-body.ts'
import { guard } from './guard.ts'
import { Problem, problemOf } from './problem.ts'
import { openApiDocument } from './openapi-document.ts'
import { withPatience } from './patience.ts'
import { backtestRoutes } from './routes/backtests.ts'
import { barChartRoute } from './routes/bar-chart.ts'
import { barRoutes } from './routes/bars.ts'
import { detectRoute } from './routes/detect.ts'
import { eventsRoute } from './routes/events.ts'
import { docsRoute } from './routes/docs.ts'
import { explainRoutes } from './routes/explain.ts'
import { healthRoutes } from './routes/health.ts'
import { listRoutes } from './routes/lists.ts'
import { signalBookRoutes } from './routes/signal-book.ts'
import { signalRoutes } from './routes/signals.ts'
import { progressStreams } from './routes/stream-progress.ts'
import { signalStream } from './routes/stream-signals.ts'
import { sweepRoutes } from './routes/sweeps.ts'
import type { ServiceContext } from './service-context.ts'

/** Bytes of a JSON body; bars in bulk come as streams with a limit of their own. */
const bodyBytes = 4 * 2 ** 20

/** The service's HTTP interface. Needs no socket: tests call `app.request()`. */
export function createApp(context: ServiceContext): Hono {
  const app = new Hono()

  for (const observer of context.observers) app.use(observer)
  app.use(secureHeaders())
  app.use(
    cors({
      origin: [...context.guard.allowedOrigins],
      allowMethods: ['GET', 'HEAD', 'POST'],
      exposeHeaders: ['Location', 'Retry-After'],
    }),
  )
  app.use(guard(context.guard))
  app.use((c, next) => {
    if (!isDecodable(c.req.url))
      throw new Problem(400, 'The path or the query is not UTF-8, percent-encoded.')
    return next()
  })
  app.use((_, next) => withPatience(databaseDefaults.queryMs, next))
  const unpacked = decompressBody(context.uploadBytes)
  app.use((c, next) =>
    isStream(c) || c.req.header('content-encoding') !== undefined ? unpacked(c, next) : next(),
  )
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, allowed) =>
        answer(
          c,
          new Problem(405, `${c.req.path.slice(0, 200)} takes ${allowed.join(', ')}.`, {
            headers: { Allow: allowed.join(', ') },
          }),
        ),
    }),
  )
  const limited = bodyLimit({
    maxSize: bodyBytes,
    onError: () => {
      throw new Problem(413, `The body is larger than ${bodyBytes} bytes.`)
    },
  })
  app.use((c, next) => (isStream(c) ? next() : limited(c, next)))

  healthRoutes(app, context)
  // Before the routes with an id in the same place.
  listRoutes(app, context)
  barChartRoute(app, context)
  signalStream(app, context)
  detectRoute(app, context)
  eventsRoute(app, context)
  signalRoutes(app, context)
  signalBookRoutes(app, context)
  explainRoutes(app, context)
  barRoutes(app, context)
  backtestRoutes(app, context)
  sweepRoutes(app, context)
  progressStreams(app, context)
  app.get(
    '/api/v1/metrics',
    describeRoute({
      summary: 'Metrics for Prometheus: classic text, or OpenMetrics with exemplars by `Accept`',
      tags: ['operation'],
      responses: {
        200: {
          description: 'All metrics of this process',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
        ...problemResponses([403]),
      },
    }),
    (c) => context.metrics(c.req.raw),
  )
  let document: ReturnType<typeof openApiDocument> | undefined
  app.get(
    '/openapi.json',
    describeRoute({
      summary: 'This document',
      tags: ['operation'],
      responses: {
        200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
        ...problemResponses([403, 429]),
      },
    }),
    async (c) => c.json(await (document ??= openApiDocument(app, context.version))),
  )

  docsRoute(app)

  // Not thrown: `methodNotAllowed` looks at plain 404 answers only.
  app.notFound((c) => answer(c, new Problem(404, `There is no ${c.req.method} ${c.req.path.slice(0, 200)}.`)))
  app.onError((error, c) => {
    const problem = problemOf(error)
    // A value that only the database refused should have been refused before.
    const slipped = error instanceof DatabaseError && problem.status < 500
    if (problem.status >= 500 || slipped) {
      context.log({
        level: slipped ? 'warn' : 'error',
        message: problem.message,
        error: error.cause instanceof Error ? error.cause.message : error.message,
        trace_id: currentTraceId(),
      })
      trace.getActiveSpan()?.setAttribute('error.type', error.name)
    }
    return answer(c, problem)
  })
  return app
}

/** Else what was meant would be guessed: decoders put U+FFFD for what they cannot read. */
function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

/** Bars in bulk are read as they come, with flat memory. */
function isStream(c: Context): boolean {
  return c.req.path === '/api/v1/bars' && !/^application\/json/i.test(c.req.header('content-type') ?? '')
}

function answer(c: Context, problem: Problem): Response {
  return c.json(problem.body(c.req.path, currentTraceId()), problem.status as ContentfulStatusCode, {
    ...problem.headers,
    'Content-Type': 'application/problem+json',
  })
}
