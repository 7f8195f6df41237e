import { BacktestError } from './errors.ts'
import type { Metrics } from './metrics.ts'

export type SweepValue = string | number | boolean | null

/** One run of a sweep: plain data, so that it can go to another thread or machine. */
export interface SweepRun {
  /** Position in the plan, from 0. */
  readonly index: number
  /** `fast=10&slow=30`: names in order, values as JSON. The same for the same values in any plan. */
  readonly key: string
  readonly parameters: Readonly<Record<string, SweepValue>>
}

/** What became of one run: its metrics, or why it has none. */
export type SweepOutcome =
  | { readonly key: string; readonly metrics: Metrics }
  | { readonly key: string; readonly error: string }

export interface SweepRow extends SweepRun {
  readonly metrics: Metrics | null
  readonly error: string | null
}

export interface SweepResult {
  /** One row for each run that has an outcome, in the order of the plan. */
  readonly rows: readonly SweepRow[]
  /** Rows in which the metric is defined, the highest first; equal ones in the order of the plan. */
  readonly ranked: readonly SweepRow[]
  /** Keys of runs without an outcome, in the order of the plan. */
  readonly missing: readonly string[]
  readonly failed: number
}

const maxRuns = 100_000

/**
 * Every combination of the lists (their cartesian product). Names are taken in code-unit order whatever order they
 * were written in, values in the order of their list, the last name changing fastest.
 *
 * @throws BacktestError naming the list that is empty, repeats a value or holds what is no plain value, or `parameters`
 * when there is no list or there are more than 100,000 runs
 */
export function planSweep(lists: Readonly<Record<string, readonly SweepValue[]>>): SweepRun[] {
  const names = Object.keys(lists).toSorted((a, b) => (a < b ? -1 : 1))
  if (names.length === 0) throw new BacktestError('parameters', null, 'must name at least one list of values')
  for (const name of names) checkList(name, lists[name])
  const count = names.reduce((product, name) => product * lists[name].length, 1)
  if (count > maxRuns) {
    throw new BacktestError('parameters', null, `make ${count} runs; at most ${maxRuns} are planned at once`)
  }
  let combinations: [string, SweepValue][][] = [[]]
  for (const name of names) {
    combinations = combinations.flatMap((chosen) =>
      lists[name].map((value) => [...chosen, [name, value] as [string, SweepValue]]),
    )
  }
  return combinations.map((chosen, index) => ({
    index,
    key: chosen.map(([name, value]) => `${encodeURIComponent(name)}=${valueText(value)}`).join('&'),
    parameters: Object.fromEntries(chosen),
  }))
}

/**
 * Puts the outcomes of a plan's runs together. They may come in any order, and in part: the result depends on what is
 * there only, so a sweep that was cut off can be merged now and again when the rest is done.
 *
 * @throws BacktestError for an outcome of no run of the plan, or two of the same run
 */
export function mergeSweep(
  plan: readonly SweepRun[],
  outcomes: Iterable<SweepOutcome>,
  metric: keyof Metrics,
): SweepResult {
  const known = new Set(plan.map(({ key }) => key))
  const byKey = new Map<string, SweepOutcome>()
  for (const outcome of outcomes) {
    const { key } = outcome
    if (!known.has(key)) throw new BacktestError('outcomes', null, `${key} is no run of this plan`)
    if (byKey.has(key)) throw new BacktestError('outcomes', null, `${key} is there twice`)
    byKey.set(key, outcome)
  }
  const rows = plan.flatMap((run): SweepRow[] => {
    const outcome = byKey.get(run.key)
    if (outcome === undefined) return []
    return 'error' in outcome
      ? [{ ...run, metrics: null, error: outcome.error }]
      : [{ ...run, metrics: outcome.metrics, error: null }]
  })
  const value = (row: SweepRow): number | null => row.metrics?.[metric] ?? null
  return {
    rows,
    ranked: rows
      .filter((row) => value(row) !== null)
      .toSorted((a, b) => value(b)! - value(a)! || a.index - b.index),
    missing: plan.flatMap(({ key }) => (byKey.has(key) ? [] : [key])),
    failed: rows.filter(({ error }) => error !== null).length,
  }
}

function checkList(name: string, values: readonly SweepValue[]): void {
  const field = `parameters.${name}`
  if (!Array.isArray(values) || values.length === 0) {
    throw new BacktestError(field, null, 'must be a list of at least one value')
  }
  const seen = new Set<string>()
  for (const value of values) {
    const plain = value === null || ['string', 'boolean', 'number'].includes(typeof value)
    if (!plain || (typeof value === 'number' && !Number.isFinite(value))) {
      throw new BacktestError(
        field,
        null,
        `must hold text, finite numbers, true, false or null, got ${String(value)}`,
      )
    }
    const text = valueText(value)
    if (seen.has(text)) throw new BacktestError(field, null, `holds ${text} twice`)
    seen.add(text)
  }
}

/** JSON, with what would end a part of a key escaped. */
const valueText = (value: SweepValue): string =>
  JSON.stringify(value).replaceAll('%', '%25').replaceAll('&', '%26')
