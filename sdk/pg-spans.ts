import { context, SpanKind, trace, type Span, type SpanOptions } from '@opentelemetry/api'
import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
  isWrapped,
} from '@opentelemetry/instrumentation'
import { packageVersion } from './package-version.ts'
import { fixAttributes } from './spans/fixed-attributes.ts'
import { recordError } from './record-error.ts'

/** The part of a pg client that is needed. */
interface PgClient {
  readonly connectionParameters?: Connection
}

interface Connection {
  readonly host?: string
  readonly port?: number
  readonly database?: string
}

/** What all spans of one statement on one connection have in common. */
interface StatementKind {
  readonly name: string
  readonly options: SpanOptions
}

const nowhere: Connection = {}

interface PgStatement {
  readonly text: string
  readonly name?: unknown
  readonly callback?: unknown
  readonly submit?: unknown
}

type Query = (this: PgClient, ...given: unknown[]) => unknown
type Callback = (this: unknown, error: unknown, ...results: unknown[]) => unknown

const versions = ['>=8.0.3 <9']
const poolVersions = ['>=2.0.0 <4']
/** Names of prepared statements are the programmer's, but a program may make them up. */
const mostKinds = 1000

/**
 * A client span for each statement that `pg` runs inside of a trace, named after the prepared statement, otherwise
 * after the SQL verb. What follows a `#` in a statement's name tells variants of one statement apart (which conditions
 * it has) and is no part of the span's name. `@opentelemetry/instrumentation-pg` costs 11 µs per statement, this a third: it fills no metric
 * that nobody reads, copies no statement, and has no span for the pool. Statements given as objects that submit
 * themselves (cursors, COPY streams) are passed on as they are, as there.
 */
export class PgSpans extends InstrumentationBase {
  private readonly captureText: boolean
  private readonly kinds = new WeakMap<Connection, Map<string, StatementKind>>()

  constructor({ captureText }: { readonly captureText: boolean }) {
    // What the base class asks for in its constructor is `init`, which needs nothing of this one.
    super('@tapescope/sdk/pg', packageVersion, {})
    this.captureText = captureText
  }

  protected override init(): InstrumentationNodeModuleDefinition[] {
    const patch = (loaded: unknown): unknown => this.patch(loaded)
    const restore = (loaded: unknown): void => this.restore(loaded)
    const files = ['pg/lib/client.js', 'pg/lib/native/client.js'].map(
      (file) => new InstrumentationNodeModuleFile(file, versions, patch, restore),
    )
    return [
      new InstrumentationNodeModuleDefinition('pg', versions, patch, restore, files),
      new InstrumentationNodeModuleDefinition(
        'pg-pool',
        poolVersions,
        (loaded: unknown) => this.patchPool(loaded),
        (loaded: unknown) => this.restorePool(loaded),
      ),
    ]
  }

  private patchPool(loaded: unknown): unknown {
    const pool = poolOf(loaded)
    if (pool === undefined || isWrapped(pool.connect)) return loaded
    this._wrap(pool, 'connect', inOwnContext)
    this._wrap(pool, 'query', withPromise)
    return loaded
  }

  private restorePool(loaded: unknown): void {
    const pool = poolOf(loaded)
    if (pool === undefined || !isWrapped(pool.connect)) return
    this._unwrap(pool, 'connect')
    this._unwrap(pool, 'query')
  }

  private patch(loaded: unknown): unknown {
    const client = clientOf(loaded)
    if (client !== undefined && !isWrapped(client.query))
      this._wrap(client, 'query', (query) => this.watched(query))
    return loaded
  }

  private restore(loaded: unknown): void {
    const client = clientOf(loaded)
    if (client !== undefined && isWrapped(client.query)) this._unwrap(client, 'query')
  }

  private watched(query: Query): Query {
    // oxlint-disable-next-line typescript/no-this-alias -- the client is `this` below
    const spans = this
    return function watchedQuery(...given) {
      const free = handing
      handing = false
      const active = context.active()
      const statement = trace.getSpan(active) === undefined ? undefined : statementOf(given[0])
      if (statement === undefined) return query.apply(this, given)
      const span = spans.start(this, statement)
      const last = given.length - 1
      const callback = typeof given[last] === 'function' ? given[last] : statement.callback
      const called = typeof callback === 'function'
      if (called) {
        const answer = answering(span, callback as Callback, free ? undefined : active)
        if (callback === given[last]) given[last] = answer
        else given[0] = { ...statement, callback: answer }
      }
      let result: unknown
      try {
        result = query.apply(this, given)
      } catch (error) {
        end(span, error)
        throw error
      }
      if (called) return result
      if (!(result instanceof Promise)) {
        end(span, undefined)
        return result
      }
      return result.then(
        (rows: unknown) => {
          end(span, undefined)
          return rows
        },
        (error: unknown) => {
          end(span, error)
          throw error
        },
      )
    }
  }

  private start({ connectionParameters = nowhere }: PgClient, { text, name }: PgStatement): Span {
    let ofConnection = this.kinds.get(connectionParameters)
    if (ofConnection === undefined) this.kinds.set(connectionParameters, (ofConnection = new Map()))
    const plan = typeof name === 'string' && name !== '' ? name : undefined
    const known = plan ?? verbOf(text)
    let kind = ofConnection.get(known)
    if (kind === undefined) {
      kind = kindOf(connectionParameters, known, plan)
      if (ofConnection.size < mostKinds) ofConnection.set(known, kind)
    }
    const span = this.tracer.startSpan(kind.name, kind.options)
    if (this.captureText) span.setAttribute('db.query.text', text)
    return span
  }
}

function kindOf(
  { host, port, database }: Connection,
  known: string,
  plan: string | undefined,
): StatementKind {
  const attributes = fixAttributes({
    'db.system.name': 'postgresql',
    ...(database !== undefined && database !== '' && { 'db.namespace': database }),
    ...(host !== undefined && { 'server.address': host }),
    ...(Number.isInteger(port) && { 'server.port': port! }),
    ...(plan !== undefined && { 'db.postgresql.plan': plan }),
  })
  const where = database === undefined || database === '' ? '' : ` ${database}`
  return {
    name: `pg.query:${known.split('#', 1)[0]}${where}`,
    options: { kind: SpanKind.CLIENT, attributes },
  }
}

interface PgModule {
  readonly default?: PgModule
  readonly Client?: { readonly prototype: { query: Query } }
}

type Connect = (this: unknown, callback?: Callback) => unknown

/** A pool's `query` that answers with a promise is being called: its `connect` follows at once. */
let promising = false
/** A connection is being handed to such a query, which asks it at once. */
let handing = false

/**
 * What `pg` calls when a statement has been answered, which it does from its socket, in no context at all; `active` is undefined
 * when none is needed. `pg` keeps this for long after (a function of its own that holds it is old from the start for V8),
 * so it lets go of what it held.
 */
function answering(
  span: Span | undefined,
  callback: Callback,
  active: ReturnType<typeof context.active> | undefined,
): Callback {
  return function (error, ...results) {
    const within = active
    active = undefined
    if (span !== undefined) end(span, error)
    span = undefined
    if (within === undefined) return callback.call(this, error, ...results)
    return context.with(within, callback, this, error, ...results)
  }
}

/** Who awaits a promise goes on in its own context, whatever the context in which the promise was kept. */
function withPromise(query: Query): Query {
  return function queryWithPromise(...given) {
    if (given.some((one) => typeof one === 'function')) return query.apply(this, given)
    promising = true
    try {
      return query.apply(this, given)
    } finally {
      promising = false
    }
  }
}

/**
 * A pool that is exhausted calls who waits from within the release of a connection, in the context of somebody else's
 * request: without this their statement is told in the wrong trace.
 */
function inOwnContext(connect: Connect): Connect {
  return function connectInContext(callback) {
    const free = promising
    promising = false
    if (typeof callback !== 'function') return connect.call(this)
    const active = context.active()
    return connect.call(this, function (error, ...given) {
      handing = free
      try {
        return context.with(active, callback, this, error, ...given)
      } finally {
        handing = false
      }
    })
  }
}

interface PoolModule {
  readonly default?: PoolModule
  readonly prototype?: PoolMethods
}

interface PoolMethods {
  connect: Connect
  query: Query
}

function poolOf(loaded: unknown): PoolMethods | undefined {
  const module = loaded as PoolModule
  const { prototype } = module.default ?? module
  return typeof prototype?.connect === 'function' ? prototype : undefined
}

/** `pg` as its CommonJS or its ES module, or the file with the client alone. */
function clientOf(loaded: unknown): { query: Query } | undefined {
  const module = loaded as PgModule & NonNullable<PgModule['Client']>
  const from = module.default ?? module
  const { prototype } = (from.Client ?? from) as { prototype?: { query: Query } }
  return typeof prototype?.query === 'function' ? prototype : undefined
}

function statementOf(given: unknown): PgStatement | undefined {
  if (typeof given === 'string') return { text: given }
  const statement = given as PgStatement | undefined | null
  if (typeof statement?.text !== 'string' || typeof statement.submit === 'function') return undefined
  return statement
}

/** The first word of a statement, in capitals. */
function verbOf(text: string): string {
  return (/^\s*([A-Za-z]{1,20})/.exec(text)?.[1] ?? 'statement').toUpperCase()
}

function end(span: Span, error: unknown): void {
  if (error !== undefined && error !== null) {
    recordError(span, error)
    // The SQLSTATE, or what the socket said.
    const { code } = error as { code?: unknown }
    if (typeof code === 'string' && /^\w{1,32}$/.test(code)) span.setAttribute('error.type', code)
  }
  span.end()
}
