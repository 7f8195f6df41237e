import { parseBarsCsv } from '@tapescope/engine'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import ajvFormats from 'ajv-formats'
import { assert, asyncProperty, constantFrom, jsonValue, oneof } from 'fast-check'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRealBarsCsv } from './real-bars.ts'
import { exampleOf } from './routes/docs.ts'
import { storeBars } from './store-bars.ts'
import { type Json, startTestService, type TestService } from './test-service.ts'

// The contract: everything here is driven from the document alone. What it says must be asked, can be asked; what is
// answered is what it says, success or not.

interface Schema extends Json {
  items?: Schema
  properties?: Record<string, Schema>
  examples?: unknown[]
  default?: unknown
  enum?: unknown[]
  required?: string[]
}
interface Content {
  schema?: Schema
  example?: unknown
}
interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[]
  requestBody?: { required?: boolean; content: Record<string, Content> }
  responses: Record<string, { content?: Record<string, Content> }>
  security?: unknown[]
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}
interface Asked {
  method: string
  path: string
  operation: Operation
}

const key = 'a-key'
const keys = `alice:${createHash('sha256').update(key).digest('hex')}`
let service: TestService
let document: Document
let operations: Asked[]
/** Ids that exist, by the collection in the path. */
let ids: Record<string, string>
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajvFormats.default(ajv)
/** Answers that were held against the document. */
const reached = new Set<string>()
const validators = new Map<string, ValidateFunction>()

beforeAll(async () => {
  service = await startTestService({ keys })
  const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
  await storeBars(service.database, bars)
  const response = await service.app.request('/openapi.json')
  document = (await response.json()) as Document
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  ajv.addSchema({ $id: 'document', ...document })
  // Something of each kind, by the operations themselves.
  for (const path of ['/api/v1/signals/generate', '/api/v1/backtests/run', '/api/v1/sweeps']) {
    const asked = operations.find((one) => one.path === path)!
    const { response } = await send(asked, path.endsWith('run') ? { query: { wait: '30' } } : {})
    if (response.status >= 300) throw new Error(`${path}: ${await response.text()}`)
    await fits(asked, response)
  }
  const [found] = await service.database.query<Record<string, string>>({
    name: 'test.ids',
    text: `SELECT (SELECT id FROM signals LIMIT 1) AS signals, (SELECT id FROM patterns LIMIT 1) AS patterns,
      (SELECT id FROM notifications LIMIT 1) AS notifications,
      (SELECT backtest_run_id FROM backtest_results WHERE status = 'COMPLETED' LIMIT 1) AS backtests,
      (SELECT id FROM tapescope_jobs.sweeps LIMIT 1) AS sweeps`,
  })
  ids = found
})
afterAll(() => service.stop())

interface Changes {
  query?: Record<string, string | string[]>
  /** Put behind the query as it is. */
  raw?: string
  body?: unknown
  contentType?: string
  id?: string
  headers?: Record<string, string>
}

/** Sends an operation as the document describes it, with its own examples, but for `changes`. */
async function send({ method, path, operation }: Asked, changes: Changes = {}) {
  const query: Record<string, string> = {}
  for (const { name, in: place, required, schema } of operation.parameters ?? []) {
    if (place !== 'query') continue
    // Of a body that is a stream, the document cannot say that they are required.
    const streamed = changes.contentType !== undefined && changes.contentType !== 'application/json'
    if (required === true || (streamed && schema.examples !== undefined))
      query[name] = String(exampleOf(schema))
  }
  const search = Object.entries({ ...query, ...changes.query })
    .flatMap(([name, given]) => [given].flat().map((value) => `${name}=${encodeURIComponent(value)}`))
    .concat(changes.raw ?? [])
    .join('&')
  const id = changes.id ?? (path.includes('{id}') ? ids[path.split('/')[3]] : undefined)
  if (path.includes('{id}') && id === undefined) throw new Error(`this test knows no id for ${path}`)
  const [type, content] =
    Object.entries(operation.requestBody?.content ?? {}).find(
      ([one]) => changes.contentType === undefined || one === changes.contentType,
    ) ?? []
  const body = 'body' in changes ? changes.body : (content?.example ?? exampleOf(content?.schema))
  const response = await service.app.request(
    `${path.replace('{id}', id ?? '')}${search === '' ? '' : `?${search}`}`,
    {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': changes.contentType ?? type ?? 'application/json' }),
        ...changes.headers,
      },
      ...(body !== undefined && { body: isRaw(body) ? body : JSON.stringify(body) }),
    },
  )
  return { response, place: `${method} ${path}` }
}

function isRaw(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array
}

/** The answer must be one that the document describes, in status, type and every field. Answers with its JSON. */
async function fits({ method, path, operation }: Asked, response: Response, what = ''): Promise<Json> {
  const place = `${method} ${path} ${what}-> ${response.status}`
  const type = response.headers.get('content-type')?.split(';')[0] ?? 'none'
  const described = operation.responses[String(response.status)]?.content?.[type]
  if (described === undefined) throw new Error(`${place} as ${type} is not in the document`)
  reached.add(`${method} ${path} ${response.status}`)
  if (!type.endsWith('json')) {
    await response.body?.cancel()
    return {}
  }
  const body = (await response.json()) as Json
  const pointer = [path, method.toLowerCase(), 'responses', response.status, 'content', type, 'schema']
    .map((step) => encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  let validate = validators.get(pointer)
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `document#/paths/${pointer}` })
    validators.set(pointer, validate)
  }
  validate(body)
  expect({ place, errors: validate.errors ?? [] }).toEqual({ place, errors: [] })
  return body
}

const secured = ({ operation }: Asked) => operation.security !== undefined
const takesJson = ({ operation }: Asked) =>
  operation.requestBody?.content['application/json']?.schema !== undefined

async function storedRows(): Promise<Json> {
  const [rows] = await service.database.query<Json>({
    name: 'test.rows',
    text: `SELECT (SELECT count(*) FROM ohlcv_bars) AS bars, (SELECT count(*) FROM signals) AS signals,
      (SELECT count(*) FROM backtest_results) AS runs, (SELECT count(*) FROM audit_logs) AS audit`,
  })
  return rows
}

describe('the document', () => {
  it('is OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(document as never)
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined })
    expect(validator.version).toBe('3.1')
  })

  it('names every route that answers, and no other', () => {
    const answering = service.app.routes
      .filter(({ method, path }) => method !== 'ALL' && !path.includes('*') && path !== '/docs')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(new Set(operations.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(answering))
  })

  it('is a page for people too', async () => {
    const response = await service.app.request('/docs')
    expect(response.headers.get('content-type')).toMatch(/^text\/html/)
    const page = await response.text()
    for (const { method, path } of operations) expect(page).toContain(`<code>${method} ${path}</code>`)
    expect(page).not.toContain('<script')
  })
})

describe('every operation', () => {
  it('succeeds when it is asked as described, with each of its bodies, and answers as described', async () => {
    for (const asked of operations) {
      const types = Object.keys(asked.operation.requestBody?.content ?? {})
      for (const contentType of types.length === 0 ? [undefined] : types) {
        if (/approve|reject/.test(asked.path)) await waitsForDecision()
        const { response, place } = await send(asked, contentType === undefined ? {} : { contentType })
        expect([place, contentType, response.status < 300]).toEqual([place, contentType, true])
        await fits(asked, response)
      }
    }
  })

  it('takes each value of each parameter, and refuses others by name', async () => {
    for (const asked of operations) {
      for (const { name, in: place, schema } of asked.operation.parameters ?? []) {
        if (place !== 'query') continue
        const good = [
          ...(schema.enum ?? []),
          ...(schema.examples ?? []),
          ...(schema.default === undefined ? [] : [schema.default]),
        ]
        for (const value of good) {
          const { response } = await send(asked, { query: { [name]: String(value) } })
          await fits(asked, response, `${name}=${String(value)} `)
          // A series that is not stored is 404.
          const taken = response.status < 300 || response.status === 404
          expect([asked.path, name, value, taken]).toEqual([asked.path, name, value, true])
        }
        if (asked.method !== 'GET' && takesJson(asked) && name !== 'wait') continue
        const { response } = await send(asked, { query: { [name]: 'no such value '.repeat(10) } })
        const body = await fits(asked, response, `${name}=nonsense `)
        expect([asked.path, response.status]).toEqual([asked.path, 422])
        expect(JSON.stringify(body['errors'])).toContain(`query.${name}`)
      }
      if (asked.operation.parameters?.some(({ in: place }) => place === 'query') !== true) continue
      const { response } = await send(asked, { query: { nonsense: '1' } })
      // Bars as JSON name their series in the body.
      const ignored = asked.path === '/api/v1/bars' && asked.method === 'POST'
      expect([asked.path, response.status === 422]).toEqual([asked.path, !ignored])
      await fits(asked, response, 'nonsense ')
    }
  })

  it('is 404 for an id that nothing has, 422 for one that is none', async () => {
    for (const asked of operations.filter(({ path }) => path.includes('{id}'))) {
      const unknown = await send(asked, { id: '00000000-0000-8000-8000-000000000000' })
      expect([unknown.place, unknown.response.status]).toEqual([unknown.place, 404])
      await fits(asked, unknown.response)
      const none = await send(asked, { id: "1'--" })
      expect([none.place, none.response.status]).toEqual([none.place, 422])
      await fits(asked, none.response)
    }
  })

  it('is 404 for a series that is not stored, 409 for a decision against the one that was taken', async () => {
    const at = (path: string) => operations.find((one) => one.path === path)!
    const generate = at('/api/v1/signals/generate')
    const { response } = await send(generate, { body: { symbol: 'NONE', timeframe: '1d' } })
    expect(response.status).toBe(404)
    await fits(generate, response)
    const decisions = [at('/api/v1/signals/{id}/approve'), at('/api/v1/signals/{id}/reject')]
    for (const order of [decisions, decisions.toReversed()]) {
      await waitsForDecision()
      const statuses: number[] = []
      for (const asked of order) {
        const { response } = await send(asked)
        statuses.push(response.status)
        await fits(asked, response)
      }
      expect(statuses).toEqual([200, 409])
    }
  })

  it('asks for a key where the document says so, and only there', async () => {
    for (const asked of operations) {
      const { response, place } = await send(asked, { headers: { authorization: 'Bearer wrong' } })
      expect([place, response.status === 401]).toEqual([place, secured(asked)])
      if (response.status === 401) await fits(asked, response)
    }
  })

  it('refuses what is no JSON, of another type, too large or nested beyond sense', async () => {
    for (const asked of operations.filter(takesJson)) {
      for (const [status, body, contentType] of [
        [400, '{', 'application/json'],
        [400, '['.repeat(100_000), 'application/json'],
        [422, '[[[[[[[[]]]]]]]]', 'application/json'],
        [422, 'null', 'application/json'],
        [400, Uint8Array.from([0x22, 0xff, 0xfe, 0x22]), 'application/json'],
        [422, '{"__proto__":[1]}', 'application/json'],
        [422, `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'application/json'],
        [413, `"${'x'.repeat(5_000_000)}"`, 'application/json'],
        [415, '<a/>', 'text/xml'],
      ] as const) {
        const { response, place } = await send(asked, { body, contentType })
        const sent = typeof body === 'string' ? body.slice(0, 20) : 'bytes'
        expect([place, sent, response.status]).toEqual([place, sent, status])
        await fits(asked, response)
      }
    }
  })

  it('refuses every field of a body that is missing, of another type or unknown, by its path, and stores nothing', async () => {
    const before = await storedRows()
    let refused = 0
    for (const asked of operations.filter(takesJson)) {
      const schema = asked.operation.requestBody!.content['application/json'].schema!
      const example = exampleOf(schema) as Json
      for (const [path, broken] of brokenBodies(example, schema)) {
        const { response, place } = await send(asked, { body: JSON.stringify(broken) })
        const body = await fits(asked, response, `${path} `)
        expect([place, path, response.status]).toEqual([place, path, 422])
        expect([place, body['detail']]).toEqual([place, expect.stringContaining(path)])
        refused++
      }
    }
    expect(refused).toBeGreaterThan(50)
    expect(await storedRows()).toEqual(before)
  })

  it('refuses a parameter that is given twice, a query that is no UTF-8, a window that ends before it begins', async () => {
    for (const asked of operations) {
      const broken = await send(asked, { raw: 'x=%ff%fe' })
      expect([broken.place, broken.response.status]).toEqual([broken.place, 400])
      await fits(asked, broken.response, 'no UTF-8 ')
      const names = (asked.operation.parameters ?? []).filter(({ in: place }) => place === 'query')
      for (const { name, schema } of names) {
        // Of bars as JSON the body names the series.
        const streamed = asked.operation.requestBody?.content['text/csv'] !== undefined
        const [value = '1'] = [...(schema.enum ?? []), ...(schema.examples ?? [])] as string[]
        const { response, place } = await send(asked, {
          query: { [name]: [value, value] },
          ...(streamed && { contentType: 'text/csv' }),
        })
        expect([place, name, response.status]).toEqual([place, name, 422])
        expect(JSON.stringify(await fits(asked, response, 'twice '))).toContain(`query.${name}`)
      }
      if (!names.some(({ name }) => name === 'from')) continue
      const { response, place } = await send(asked, { query: { from: '2012-01-01', to: '2011-12-31' } })
      expect([place, response.status]).toEqual([place, 422])
      expect(JSON.stringify(await fits(asked, response, 'backwards '))).toContain('query.to')
    }
  })

  it('never breaks, whatever a parameter is: an answer that the document describes', async () => {
    const hostile = [
      [
        '',
        ' ',
        '\0',
        'a\0b',
        '\ufffd',
        '__proto__',
        'constructor',
        "'; DROP TABLE signals; --",
        '%00',
        '\\',
        'x'.repeat(5_000),
      ],
      [
        '-1',
        '0',
        '-0',
        '1.5',
        '70.5',
        '1e3',
        '1e400',
        'NaN',
        'Infinity',
        '0x10',
        '9223372036854775808',
        '1e-320',
      ],
      [
        '0000-01-01',
        '0000-12-31T23:59:59+23:59',
        '0001-01-01',
        '9999-12-31T23:59:59.999-23:59',
        '2016-12-31T23:59:60Z',
      ],
      [
        '2015-02-30',
        '2015-01-01T00:00:00+99:99',
        '-99999999999999',
        '99999999999999',
        '-62135596800001',
        '999999999999999',
      ],
    ].flat()
    const before = service.logged.length
    for (const asked of operations) {
      for (const { name, in: place } of asked.operation.parameters ?? []) {
        if (place !== 'query' || name === 'wait') continue
        for (const value of hostile) {
          const { response } = await send(asked, { query: { [name]: value } })
          expect([asked.path, name, value, response.status < 500]).toEqual([asked.path, name, value, true])
          await fits(asked, response, `${name}=${value.slice(0, 40)} `)
        }
      }
    }
    // Nor was it only the database that refused it.
    expect(service.logged.slice(before)).toEqual([])
  })

  it('never breaks, whatever JSON it is sent: an answer that the document describes', async () => {
    const hostile = oneof(
      jsonValue({ maxDepth: 4 }),
      constantFrom(
        "'; DROP TABLE signals; --",
        '\u0000',
        '\ud800',
        '__proto__',
        '../../etc/passwd',
        -1,
        1e308,
        '9'.repeat(400),
        '0001-01-01',
        '+275760-09-13T00:00:00.000Z',
        '0000-01-01',
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
        -62_135_596_800_001,
        8.64e15,
        { ['__proto__']: [1] },
      ),
    )
    for (const asked of operations.filter(takesJson)) {
      const example = exampleOf(asked.operation.requestBody!.content['application/json'].schema) as Json
      await assert(
        asyncProperty(constantFrom(...Object.keys(example)), hostile, async (field, value) => {
          const { response } = await send(asked, { body: { ...example, [field]: value } })
          await fits(asked, response)
          expect(response.status).toBeLessThan(500)
        }),
        { numRuns: 60 },
      )
    }
    expect(service.logged).toEqual([])
  })

  it('says which methods there are when it is asked with another', async () => {
    for (const path of Object.keys(document.paths)) {
      const response = await service.app.request(path.replace('{id}', ids['signals']), {
        method: 'DELETE',
        headers: { authorization: `Bearer ${key}` },
      })
      expect([path, response.status]).toEqual([path, 405])
      expect(response.headers.get('allow')?.split(', ')).toEqual(
        expect.arrayContaining(Object.keys(document.paths[path]).map((method) => method.toUpperCase())),
      )
    }
  })
})

describe('the contract', () => {
  // After all others, whose answers it counts.
  it('was held against every answer of every operation but those that need a guest, a crowd or a broken database', () => {
    expect(operations.length).toBeGreaterThanOrEqual(32)
    const missed = operations.flatMap(({ method, path, operation }) =>
      Object.keys(operation.responses)
        .filter((status) => !['403', '429', '503'].includes(status))
        .map((status) => `${method} ${path} ${status}`)
        .filter((answer) => !reached.has(answer)),
    )
    expect(missed).toEqual([])
    for (const { operation } of operations) {
      for (const { content = {} } of Object.values(operation.responses)) {
        // A schema that says nothing would fit everything.
        for (const { schema } of Object.values(content)) expect(Object.keys(schema ?? {})).not.toEqual([])
      }
    }
  })
})

/** One fault at a time, with the JSON pointer that must be named: wrong types, what is missing, what is unknown. */
function brokenBodies(example: Json, schema: Schema): [path: string, body: unknown][] {
  const cases: [string, unknown][] = []
  const walk = (value: unknown, path: readonly string[], put: (changed: unknown) => unknown) => {
    const pointer = `/${path.join('/')}`
    for (const wrong of [null, {}, [], true, '\u0000', '']) {
      if (
        Array.isArray(value) === Array.isArray(wrong) &&
        typeof value === typeof wrong &&
        wrong !== '\u0000' &&
        wrong !== ''
      )
        continue
      cases.push([pointer, put(wrong)])
    }
    if (Array.isArray(value)) walk(value[0], [...path, '0'], (changed) => put([changed, ...value.slice(1)]))
    else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value))
        walk(inner, [...path, name], (changed) => put({ ...value, [name]: changed }))
      cases.push([pointer, put({ ...value, nonsense: 1 })])
    }
  }
  walk(example, [], (changed) => changed)
  for (const name of schema.required ?? []) {
    const { [name]: _, ...rest } = example
    cases.push([`/${name}`, rest])
  }
  return cases
}

/** The engine has let the signal expire; for this test it waits for a decision. */
async function waitsForDecision(): Promise<void> {
  await service.database.execute({
    name: 'test.pending',
    text: "UPDATE signals SET status = 'PENDING' WHERE id = $1",
    values: [ids['signals']],
  })
}
