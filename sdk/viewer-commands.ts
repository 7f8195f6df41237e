import { command, numberOption, UsageError } from './command-line.ts'
import { column, terminalText } from './terminal-text.ts'
import { defaultViewer, get, viewerUrl } from './viewer-client.ts'

const common = `  --viewer URL     the sidecar's viewer (TAPESCOPE_VIEWER_URL), default
                   ${defaultViewer}
  --json           print JSON
`
const commonOptions = { viewer: { type: 'string' }, json: { type: 'boolean' } } as const

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
  attributes: Readonly<Record<string, unknown>>
}

/** `tapescope runs`. */
export const runsCommand = command(
  `tapescope runs [options]

Runs that the sidecar holds, newest first.

  --limit N        how many, 1 to 1000, default 20
${common}`,
  { ...commonOptions, limit: { type: 'string' } },
  async ({ values, words }) => {
    takes('runs', words, 0)
    const base = viewerUrl(values.viewer)
    const fits = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 1000
    const limit = numberOption(values.limit ?? '20', '--limit', 'a whole number from 1 to 1000', fits)
    const { runs } = await get<{ runs: Run[] }>(base, `/api/runs?limit=${limit}`)
    if (values.json) return print({ runs })
    const lines = runs.flatMap((run) => [
      `${run.startTime.slice(0, 19)}  ${column(run.kind, 10)} ${column(run.symbol ?? '-', 12)} ` +
        `${(run.bars === null ? '' : `${run.bars} bars`).padStart(13)} ${ms(run.durationMs)}${run.error ? ' ERROR' : ''}`,
      `  ${run.traceId}  ${terminalText(run.service, 44)}`,
    ])
    return write(lines.length > 0 ? lines : ['The sidecar holds no run.'])
  },
)

/** `tapescope trace ID`. */
export const traceCommand = command(
  `tapescope trace TRACE_ID [options]

The spans of a trace as a tree: duration, CPU samples. Of many siblings of one
name the ten longest are shown; the rest is summed up.

  --all            show every span
${common}`,
  { ...commonOptions, all: { type: 'boolean' } },
  async ({ values, words }) => {
    const [id] = takes('trace', words, 1)
    const base = viewerUrl(values.viewer)
    const { spans } = await get<{ spans: Span[] }>(base, `/api/traces/${encodeURIComponent(id)}`)
    const samples = await get<{ spans: Record<string, { samples: number; weightUs: number }> }>(
      base,
      `/api/traces/${encodeURIComponent(id)}/samples`,
    )
    if (values.json)
      return print({
        traceId: id,
        spans: spans.map((span) => ({ ...span, cpu: samples.spans[span.spanId] ?? null })),
      })
    const lines = [`${column('span', 46)} ${'duration'.padStart(12)}   CPU samples`]
    for (const row of rowsOf(spans, values.all === true)) {
      const name = column(`${'  '.repeat(Math.min(row.depth, 12))}${row.name}`, 46)
      const of = row.spanId === undefined ? undefined : samples.spans[row.spanId]
      const cpu = of === undefined ? '' : String(of.samples).padStart(9)
      lines.push(`${name} ${ms(row.durationMs)} ${row.error ? `${cpu.padStart(9)} ERROR` : cpu}`.trimEnd())
    }
    return write(lines)
  },
)

/** `tapescope compare A B`: 1 past the threshold. */
export const compareCommand = command(
  `tapescope compare TRACE_A TRACE_B [options]

Run B against run A by span path. Exit code 1 when the total of a path grew
past the threshold, or a path is new.

  --threshold PCT  growth that fails, in percent, default 10
  --min-ms MS      ignore paths whose totals are both below, default 1
${common}`,
  { ...commonOptions, threshold: { type: 'string' }, 'min-ms': { type: 'string' } },
  async ({ values, words }) => {
    const ids = takes('compare', words, 2)
    const base = viewerUrl(values.viewer)
    const fromZero = (value: number): boolean => value >= 0 && value < Infinity
    const threshold = numberOption(
      values.threshold ?? '10',
      '--threshold',
      'a percentage from 0 up',
      fromZero,
    )
    const least = numberOption(values['min-ms'] ?? '1', '--min-ms', 'milliseconds from 0 up', fromZero)
    const [before, after] = await Promise.all(
      ids.map(async (id) => {
        const { spans } = await get<{ spans: Span[] }>(base, `/api/traces/${encodeURIComponent(id)}`)
        return totalsByPath(spans)
      }),
    )
    const rows = [...new Set([...before.keys(), ...after.keys()])].sort().map((path) => {
      const [one, two] = [before.get(path), after.get(path)]
      const [totalA, totalB] = [one?.totalMs ?? 0, two?.totalMs ?? 0]
      // Null: there was none, so that no percentage says how much it grew.
      const growth = totalA > 0 ? (100 * (totalB - totalA)) / totalA : totalB > 0 ? null : 0
      const failed = (growth === null || growth > threshold) && Math.max(totalA, totalB) >= least
      return { path, countA: one?.count ?? 0, countB: two?.count ?? 0, totalA, totalB, growth, failed }
    })
    const failed = rows.filter((row) => row.failed)
    if (values.json) print({ threshold, failed: failed.map(({ path }) => path), rows })
    else {
      const lines = [
        `${'total A'.padStart(12)} ${'total B'.padStart(12)} ${'growth'.padStart(10)}  span path`,
      ]
      for (const { path, totalA, totalB, growth, failed } of rows) {
        const grew = growth === null ? 'new' : `${growth >= 0 ? '+' : ''}${growth.toFixed(1)} %`
        lines.push(
          `${ms(totalA)} ${ms(totalB)} ${grew.padStart(10)} ${failed ? '!' : ' '}${terminalText(path, 41, 'end')}`,
        )
      }
      if (failed.length > 0)
        lines.push(
          `${failed.length} ${failed.length === 1 ? 'path' : 'paths'} grew by more than ${threshold} %.`,
        )
      write(lines)
    }
    return failed.length > 0 ? 1 : 0
  },
)

/** Siblings of one name that are shown one by one. */
const mostSiblings = 10

interface Row {
  depth: number
  name: string
  durationMs: number
  error: boolean
  spanId?: string
}

/** The tree from the top; siblings in the order of their start. */
function rowsOf(spans: readonly Span[], all: boolean): Row[] {
  const { children, roots } = treeOf(spans)
  const rows: Row[] = []
  const seen = new Set<Span>()
  const pending: (Row | { span: Span; depth: number })[] = []
  const add = (siblings: readonly Span[], depth: number): void => {
    const shown: (Row | { span: Span; depth: number })[] = []
    for (const [name, same] of Map.groupBy(siblings, (span) => span.name)) {
      const longest = all ? same : same.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, mostSiblings)
      const kept = new Set(longest)
      for (const span of same) if (kept.has(span)) shown.push({ span, depth })
      const rest = same.filter((span) => !kept.has(span))
      if (rest.length === 0) continue
      const durationMs = rest.reduce((sum, span) => sum + span.durationMs, 0)
      const error = rest.some(({ status }) => status.code === 'error')
      shown.push({ depth, name: `${name} (${rest.length} more)`, durationMs, error })
    }
    pending.push(...shown.reverse())
  }
  add(roots, 0)
  for (let at = pending.pop(); at; at = pending.pop()) {
    if (!('span' in at)) {
      rows.push(at)
      continue
    }
    const { span, depth } = at
    if (seen.has(span)) continue
    seen.add(span)
    const { durationMs, spanId, status } = span
    // Sampled bars and blocks all have one name: it is the bar that tells them apart.
    const bar = span.attributes['tapescope.bar']
    const name = typeof bar === 'number' ? `${span.name} ${bar}` : span.name
    rows.push({ depth, name, durationMs, error: status.code === 'error', spanId })
    add(children.get(span.spanId) ?? [], depth + 1)
  }
  return rows
}

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

/** @throws UsageError unless there are so many trace ids */
function takes(name: string, words: readonly string[], count: number): readonly string[] {
  const wanted = count === 0 ? 'no argument' : count === 1 ? 'one trace id' : `${count} trace ids`
  if (words.length !== count)
    throw new UsageError(`tapescope ${name} takes ${wanted}, found ${words.length}.`)
  for (const word of words)
    if (!/^[0-9a-f]{32}$/i.test(word))
      throw new UsageError(
        `"${terminalText(word, 40)}" is no trace id: 32 hexadecimal digits (tapescope runs lists them).`,
      )
  return words
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 3 : 1)} ms`.padStart(12)
}

function write(lines: readonly string[]): number {
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

function print(what: unknown): number {
  process.stdout.write(`${JSON.stringify(what)}\n`)
  return 0
}
