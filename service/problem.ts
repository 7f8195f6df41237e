import { EngineError } from '@tapescope/engine'
import { HTTPException } from 'hono/http-exception'
import { DatabaseError } from 'pg'
import { DatabaseUnavailable } from './database.ts'

/** Where in the request something is wrong. */
interface ProblemError {
  /** JSON pointer into the body, or `query.NAME`, `path.NAME`. */
  path: string
  message: string
}

export const titles: Readonly<Record<number, string>> = {
  400: 'Malformed request',
  401: 'No valid API key',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request took too long',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Unsupported media type',
  422: 'Invalid values',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Not available now',
}

/** An answer that is not a success, as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly title: string
  readonly errors: readonly ProblemError[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    detail: string,
    more: { errors?: readonly ProblemError[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause })
    this.status = status
    this.title = titles[status] ?? 'Error'
    this.errors = more.errors ?? []
    this.headers = more.headers ?? {}
  }

  body(instance: string, traceId: string | null): Record<string, unknown> {
    return {
      type: 'about:blank',
      title: this.title,
      status: this.status,
      detail: this.message,
      instance,
      trace_id: traceId,
      errors: this.errors,
    }
  }
}

/** Seconds after which a client may try again while the database is away. */
const retryAfterSeconds = 2

/** SQLSTATE: data exceptions and check violations. */
const unstorable = /^22|^23514$/

/** The one table from errors to answers. What it does not know is a defect: 500, told without its message. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseUnavailable) {
    return new Problem(
      503,
      'The database does not answer in time. Nothing is promised to be stored: send it again.',
      {
        headers: { 'Retry-After': String(retryAfterSeconds) },
        cause: error,
      },
    )
  }
  if (error instanceof EngineError) {
    return new Problem(422, error.message, {
      errors: error.rows.slice(0, 100).map(({ row, reason }) => ({ path: `row ${row}`, message: reason })),
      cause: error,
    })
  }
  if (error instanceof DatabaseError && unstorable.test(error.code ?? '')) {
    return new Problem(422, 'A value is beyond what can be stored here. Nothing of it was stored.', {
      cause: error,
    })
  }
  if (error instanceof HTTPException) {
    return new Problem(error.status, error.message || (titles[error.status] ?? 'Error'), { cause: error })
  }
  // A connection to the database that breaks is told above: this is the client's.
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') {
    return new Problem(
      400,
      'The connection ended before the body did. Bars that were stored before stay stored.',
      {
        cause: error,
      },
    )
  }
  return new Problem(500, 'Something is wrong on our side; the trace tells more.', { cause: error })
}
