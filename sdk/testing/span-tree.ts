import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** Spans as the tree they form: `{ 'GET /orders': [{ 'pg.query': [] }] }` reads like the trace. */
export interface SpanNode {
  readonly span: ReadableSpan
  readonly name: string
  readonly children: readonly SpanNode[]
}

/** The roots among `spans` (no parent, or one that is not among them), children in the order of their start. */
export function spanTree(spans: readonly ReadableSpan[]): SpanNode[] {
  const ids = new Set(spans.map((span) => span.spanContext().spanId))
  const below = new Map<string | undefined, ReadableSpan[]>()
  for (const span of spans) {
    const parent = span.parentSpanContext?.spanId
    const key = parent !== undefined && ids.has(parent) ? parent : undefined
    const same = below.get(key)
    if (same === undefined) below.set(key, [span])
    else same.push(span)
  }
  const started = (a: ReadableSpan, b: ReadableSpan): number =>
    a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1]
  const nodes = (key: string | undefined): SpanNode[] =>
    (below.get(key) ?? [])
      .toSorted(started)
      .map((span) => ({ span, name: span.name, children: nodes(span.spanContext().spanId) }))
  return nodes(undefined)
}

/** A tree as indented names, two blanks for each level: what a test compares, and what its failure shows. */
export function renderSpanTree(nodes: readonly SpanNode[], depth = 0): string {
  return nodes
    .map(({ name, children }) => `${'  '.repeat(depth)}${name}\n${renderSpanTree(children, depth + 1)}`)
    .join('')
}

/**
 * Compares the tree of `spans` with `expected`, an indented outline; blank lines and the outline's own indentation do
 * not count.
 *
 * @throws Error that shows both trees
 */
export function expectSpanTree(spans: readonly ReadableSpan[], expected: string): void {
  const lines = expected.split('\n').filter((line) => line.trim() !== '')
  const margin = Math.min(...lines.map((line) => line.length - line.trimStart().length))
  const wanted = lines.map((line) => `${line.slice(margin).trimEnd()}\n`).join('')
  const found = renderSpanTree(spanTree(spans))
  if (found !== wanted)
    throw new Error(
      `The spans form another tree.\n\nexpected:\n${wanted}\nfound:\n${found === '' ? '(no spans)\n' : found}`,
    )
}
