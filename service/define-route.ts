import { trace } from '@opentelemetry/api'
import type { Context, Hono } from 'hono'
import { describeRoute, resolver, validator } from 'hono-openapi'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { needsKey } from './guard.ts'
import { Problem, titles } from './problem.ts'
import { traceIdSchema } from './schemas.ts'

/** One operation: its schemas validate the request, type the handler and make the OpenAPI document. */
export interface Route<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> {
  method: 'get' | 'post'
  /** As Hono writes it: `/api/v1/signals/:id`. */
  path: string
  summary: string
  tag: string
  params?: Params
  query?: Query
  body?: Body
  /** Shape of every success; `trace_id` is added to it. */
  answer: Answer
  /** Success codes and what each means. */
  success: Record<number, string>
  /** Codes of the problems that it may answer with, besides those that every route may. */
  problems?: readonly number[]
  handle: (
    input: {
      params: z.output<Params>
      query: z.output<Query>
      body: z.output<Body>
      /** Of the API key; `local` where none is needed. */
      user: string
    },
    context: Context,
  ) => Promise<Reply<z.input<NoInfer<Answer>>>>
}

interface Reply<Body> {
  status?: ContentfulStatusCode | undefined
  body: Body
  headers?: Record<string, string> | undefined
}

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    trace_id: traceIdSchema,
    errors: z.array(z.object({ path: z.string(), message: z.string() })),
  })
  .meta({ id: 'Problem' })

/** The trace of the request that is being answered; null when it is not recorded. */
export function currentTraceId(): string | null {
  return trace.getActiveSpan()?.spanContext().traceId ?? null
}

/** Either will do. Named in the document's components. */
export const securedBy = [{ bearer: [] }, { key: [] }]
export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'Authorization: Bearer KEY' },
  key: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
} as const

/** What the document says of answers that are no success, by status; 400 is any route's, for a broken URL. */
export function problemResponses(statuses: readonly number[]) {
  return Object.fromEntries(
    [...new Set([400, ...statuses])].map((status) => [
      status,
      {
        description: titles[status] ?? 'Error',
        ...((status === 429 || status === 503) && {
          headers: {
            'Retry-After': {
              schema: { type: 'integer' as const },
              description: 'Seconds until it may be tried again',
            },
          },
        }),
        content: { 'application/problem+json': { schema: resolver(problemSchema) } },
      },
    ]),
  )
}

function withTraceId(answer: z.ZodType): z.ZodType {
  if (answer instanceof z.ZodObject) return answer.extend({ trace_id: traceIdSchema })
  if (answer instanceof z.ZodUnion)
    return z.union(answer.options.map((option) => withTraceId(option as z.ZodType)))
  return answer
}

/** Whose request it is, as the guard found. */
export function userOf(context: Context): string {
  return context.get('user') as string
}

export function defineRoute<
  Params extends z.ZodType = z.ZodObject,
  Query extends z.ZodType = z.ZodObject,
  Body extends z.ZodType = z.ZodObject,
  Answer extends z.ZodType = z.ZodObject,
>(app: Hono, route: Route<Params, Query, Body, Answer>): void {
  const answer = withTraceId(route.answer)
  const secured = needsKey(route.method, route.path)
  const operational = route.tag === 'operation'
  const responses = {
    ...problemResponses([
      ...(route.body ? [400, 413, 415] : []),
      ...(route.body || route.query || route.params ? [422] : []),
      ...(secured ? [401] : []),
      ...(operational ? [] : [429, 503]),
      403,
      ...(route.problems ?? []),
    ]),
    ...Object.fromEntries(
      Object.entries(route.success).map(([status, description]) => [
        status,
        { description, content: { 'application/json': { schema: resolver(answer) } } },
      ]),
    ),
  }
  app.on(
    route.method,
    route.path,
    describeRoute({
      summary: route.summary,
      tags: [route.tag],
      responses,
      ...(secured && { security: securedBy }),
    }),
    ...(route.params ? [checked('param', route.params)] : []),
    ...(route.query ? [checked('query', route.query)] : []),
    ...(route.body ? [jsonOnly, checked('json', route.body)] : []),
    async (context: Context) => {
      const valid = (target: string) => context.req.valid(target as never)
      const reply = await route.handle(
        {
          params: valid('param'),
          query: valid('query'),
          body: valid('json'),
          user: userOf(context),
        },
        context,
      )
      for (const [name, value] of Object.entries(reply.headers ?? {})) context.header(name, value)
      return context.json({ ...(reply.body as object), trace_id: currentTraceId() }, reply.status ?? 200)
    },
  )
}

function checked(target: 'param' | 'query' | 'json', schema: z.ZodType) {
  const place = target === 'json' ? '/' : target === 'param' ? 'path.' : 'query.'
  return validator(target, schema, (result) => {
    if (!result.success) throw invalid(result.error, place)
  })
}

/** The value as the schema has it. @throws Problem 422 naming each fault; `place` is what its paths begin with */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: '/' | 'query.' | 'path.',
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (!result.success) throw invalid(result.error.issues, place)
  return result.data
}

/** As `validate` needs it: a parameter that is given twice is a list, not the first of them. */
export function queryOf(context: Context): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([name, values]) => [
      name,
      values.length === 1 ? values[0] : values,
    ]),
  )
}

interface Fault {
  readonly message: string
  /** Of unknown fields. */
  readonly keys?: readonly string[]
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

function invalid(faults: readonly Fault[], place: '/' | 'query.' | 'path.'): Problem {
  const errors = faults.slice(0, 100).flatMap(({ path = [], message, keys }) => {
    const steps = path.map((step) => String(typeof step === 'object' ? step.key : step))
    const fault = (...more: string[]) => place + [...steps, ...more].join(place === '/' ? '/' : '.')
    if (keys === undefined) return { path: fault(), message }
    return keys.slice(0, 100).map((key) => ({ path: fault(key.slice(0, 200)), message: 'is not known here' }))
  })
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ')
  return new Problem(422, detail.slice(0, 1_000), { errors })
}

/** Without this a body of another type would be read as an empty one. */
async function jsonOnly(context: Context, next: () => Promise<void>): Promise<void> {
  const type = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new Problem(415, `The body must be application/json${type ? `, not ${type.slice(0, 60)}` : ''}.`)
  }
  refuseProto(await readText(context))
  await next()
}

/** Fields of this name vanish on the way into an object: they would be ignored, not refused. */
const proto = '__proto__'

/** The body's JSON. @throws Problem 400 when it is none in UTF-8 */
export async function readJson(context: Context): Promise<unknown> {
  const text = await readText(context)
  refuseProto(text)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new Problem(400, 'The body is not JSON.', { cause: error })
  }
}

async function readText(context: Context): Promise<string> {
  const bytes = await context.req.arrayBuffer()
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    // What Hono's validator will ask for: it would put U+FFFD for what is no UTF-8.
    // A promise is what it keeps, whatever its type says.
    context.req.bodyCache.text = Promise.resolve(text) as unknown as string
    return text
  } catch (error) {
    throw new Problem(400, 'The body is not UTF-8.', { cause: error })
  }
}

/** @throws Problem 422; text that is no JSON is left to whoever parses it */
function refuseProto(text: string): void {
  if (!text.includes(proto) && !text.includes('\\u')) return
  let found = false
  try {
    JSON.parse(text, (name, value: unknown) => {
      found ||= name === proto
      return value
    })
  } catch {
    return
  }
  if (!found) return
  throw new Problem(422, `/${proto}: is not known here`, {
    errors: [{ path: `/${proto}`, message: 'is not known here' }],
  })
}
