import { parseArgs, type ParseArgsConfig } from 'node:util'
import { get, ViewerError } from './viewer-client.ts'

const common = `  --viewer URL     the sidecar's viewer (TAPESCOPE_VIEWER_URL), default
                   http://127.0.0.1:4319
  --json           print JSON
`

const usages = {
  runs: `tapescope runs [options]

Runs that the sidecar holds, newest first.

  --limit N        how many, default 20
${common}`,
  trace: `tapescope trace TRACE_ID [options]

The spans of a trace as a tree: duration, self time, CPU samples.

${common}`,
  compare: `tapescope compare TRACE_A TRACE_B [options]

Run B against run A by span path. Exit code 1 when the total of a path grew
past the threshold.

  --threshold PCT  growth that fails, in percent, default 10
  --min-ms MS      ignore paths whose totals are both below, default 1
${common}`,
}

interface Run {
  kind: string
  traceId: string
  service: string
  symbol: string | null
  bars: number | null
  startTime: string
  durationMs: number
  error: boolean
}

interface Span {
  spanId: string
  parentSpanId: string | null
  name: string
  startTimeUnixNano: string
  durationMs: number
  status: { code: string }
}

/** `tapescope runs`. */
export const runsCommand = command('runs', { limit: { type: 'string' } }, 0, async (values, _, base) => {
  const { runs } = await get<{ runs: Run[] }>(base, `/api/runs?limit=${values['limit'] ?? '20'}`)
  if (values['json']) return print(runs)
  for (const run of runs) {
    const bars = run.bars === null ? '' : `${run.bars} bars`
    process.stdout.write(
      `${run.startTime.slice(0, 19)}  ${run.kind.padEnd(8)} ${(run.symbol ?? '-').padEnd(6)} ${bars.padStart(10)} ` +
        `${ms(run.durationMs)}${run.error ? ' ERROR' : ''}\n  ${run.traceId}  ${run.service}\n`,
    )
  }
  if (runs.length === 0) process.stdout.write('The sidecar holds no run.\n')
  return 0
})

/** `tapescope trace ID`. */
export const traceCommand = command('trace', {}, 1, async (values, [id], base) => {
  const { spans } = await get<{ spans: Span[] }>(base, `/api/traces/${encodeURIComponent(id)}`)
  if (values['json']) return print(spans)
  const samples = await get<{ spans: Record<string, { samples: number }> }>(base, `/api/traces/${id}/samples`)
  const { children, roots } = treeOf(spans)
  const pending = roots.toReversed().map((span) => ({ span, depth: 0 }))
  const seen = new Set<Span>()
  for (let at = pending.pop(); at; at = pending.pop()) {
    const { span, depth } = at
    if (seen.has(span)) continue
    seen.add(span)
    const name = `${'  '.repeat(Math.min(depth, 12))}${span.name}`
    const of = samples.spans[span.spanId]?.samples
    process.stdout.write(
      `${name.padEnd(48).slice(0, 48)} ${ms(span.durationMs)}${of === undefined ? '' : ` ${of} samples`}` +
        `${span.status.code === 'error' ? ' ERROR' : ''}\n`,
    )
    for (const child of (children.get(span.spanId) ?? []).toReversed())
      pending.push({ span: child, depth: depth + 1 })
  }
  return 0
})

/** `tapescope compare A B`: 1 past the threshold. */
export const compareCommand = command(
  'compare',
  { threshold: { type: 'string' }, 'min-ms': { type: 'string' } },
  2,
  async (values, [a, b], base) => {
    const threshold = number(values['threshold'] ?? '10', '--threshold')
    const least = number(values['min-ms'] ?? '1', '--min-ms')
    const [before, after] = await Promise.all(
      [a, b].map(async (id) => {
        const { spans } = await get<{ spans: Span[] }>(base, `/api/traces/${encodeURIComponent(id)}`)
        return totalsByPath(spans)
      }),
    )
    const rows = [...new Set([...before.keys(), ...after.keys()])].sort().map((path) => {
      const [one, two] = [before.get(path), after.get(path)]
      const [was, is] = [one?.totalMs ?? 0, two?.totalMs ?? 0]
      const growth = was > 0 ? (100 * (is - was)) / was : is > 0 ? Infinity : 0
      return { path, countA: one?.count ?? 0, countB: two?.count ?? 0, totalA: was, totalB: is, growth }
    })
    const failed = rows.filter((row) => row.growth > threshold && Math.max(row.totalA, row.totalB) >= least)
    if (values['json']) {
      print({ threshold, failed: failed.map(({ path }) => path), rows })
    } else {
      process.stdout.write(
        `${'total A'.padStart(10)} ${'total B'.padStart(10)} ${'growth'.padStart(9)}  span path\n`,
      )
      for (const row of rows) {
        const growth =
          row.growth === Infinity ? 'new' : `${row.growth >= 0 ? '+' : ''}${row.growth.toFixed(1)} %`
        process.stdout.write(
          `${ms(row.totalA)} ${ms(row.totalB)} ${growth.padStart(9)}${failed.includes(row) ? ' !' : '  '}${row.path}\n`,
        )
      }
      if (failed.length > 0)
        process.stdout.write(`${failed.length} paths grew by more than ${threshold} %.\n`)
    }
    return failed.length > 0 ? 1 : 0
  },
)

/** Spans by their parents; those whose parent is missing, or is below them, are roots. */
function treeOf(spans: readonly Span[]) {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const roots: Span[] = []
  const children = new Map<string, Span[]>()
  for (const span of spans) {
    const above = new Set([span.spanId])
    let at = span.parentSpanId === null ? undefined : byId.get(span.parentSpanId)
    while (at && !above.has(at.spanId)) {
      above.add(at.spanId)
      at = at.parentSpanId === null ? undefined : byId.get(at.parentSpanId)
    }
    const circle = at?.spanId === span.spanId
    if (circle || span.parentSpanId === null || !byId.has(span.parentSpanId)) roots.push(span)
    else children.set(span.parentSpanId, [...(children.get(span.parentSpanId) ?? []), span])
  }
  return { roots, children }
}

function totalsByPath(spans: readonly Span[]): Map<string, { count: number; totalMs: number }> {
  const { roots, children } = treeOf(spans)
  const totals = new Map<string, { count: number; totalMs: number }>()
  const pending = roots.map((span) => ({ span, path: span.name }))
  const seen = new Set<Span>()
  for (let at = pending.pop(); at; at = pending.pop()) {
    const { span, path } = at
    if (seen.has(span)) continue
    seen.add(span)
    const total = totals.get(path) ?? { count: 0, totalMs: 0 }
    totals.set(path, { count: total.count + 1, totalMs: total.totalMs + span.durationMs })
    for (const child of children.get(span.spanId) ?? [])
      pending.push({ span: child, path: `${path} > ${child.name}` })
  }
  return totals
}

type Values = Readonly<Record<string, string | boolean | undefined>>
type Work = (values: Values, ids: readonly string[], base: string) => Promise<number>

/** A subcommand with the common options. Exit code 2: it cannot be meant, or the viewer did not answer. */
function command(
  name: keyof typeof usages,
  options: NonNullable<ParseArgsConfig['options']>,
  ids: number,
  work: Work,
): (argv: readonly string[]) => Promise<number> {
  return async (argv) => {
    try {
      const { values, positionals } = parseArgs({
        args: [...argv],
        allowPositionals: true,
        options: {
          ...options,
          viewer: { type: 'string' },
          json: { type: 'boolean' },
          help: { type: 'boolean' },
        },
      })
      const given = values as Values
      if (given['help'] === true) {
        process.stdout.write(usages[name])
        return 0
      }
      if (positionals.length !== ids)
        throw new ViewerError(`${name} takes ${ids} trace ids, found ${positionals.length}.`)
      const base = given['viewer'] ?? process.env['TAPESCOPE_VIEWER_URL'] ?? 'http://127.0.0.1:4319'
      return await work(given, positionals, String(base))
    } catch (error) {
      const { code } = error as { code?: string }
      if (!(error instanceof ViewerError) && code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
      process.stderr.write(`${(error as Error).message}\n`)
      return 2
    }
  }
}

function number(text: string | boolean, name: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new ViewerError(`${name} must be a number from 0 up, found "${text}".`)
  return value
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 3 : 1)} ms`.padStart(10)
}

function print(what: unknown): number {
  process.stdout.write(`${JSON.stringify(what)}\n`)
  return 0
}
