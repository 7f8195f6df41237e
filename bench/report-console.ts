import { formatNs, formatRatio, table } from './format.ts'
import type { BenchResult, CaseResult } from './result.ts'

/** The table of a run, at most 80 columns wide, and below it budgets that are not met. */
export function benchReport(result: BenchResult): string {
  const rows = [['case', 'p50', 'p99', 'budget', 'actual', '']]
  for (const one of result.cases) rows.push(...caseRows(one))
  const lines = table(rows)
  const missed = result.cases.flatMap((one) =>
    one.status === 'measured'
      ? one.budgets.filter(({ met }) => !met).map((budget) => `${one.name}: ${budget.text}. ${budget.reason}`)
      : [],
  )
  const told = result.cases.flatMap((one) =>
    one.status === 'measured'
      ? (one.notes ?? []).map((note) => `${one.name}: ${note}`)
      : [`${one.name} ${one.status}: ${one.reason}`],
  )
  const { environment } = result
  return [
    ...lines,
    '',
    ...missed.map((line) => `over budget: ${line}`),
    ...told,
    `${environment.machineClass}, Node ${environment.node}, ${result.revision.commit.slice(0, 10)}${result.revision.dirty ? ' with changes' : ''}`,
    ...environment.warnings.map((line) => `warning: ${line}`),
    '',
  ].join('\n')
}

function caseRows(one: CaseResult): string[][] {
  if (one.status !== 'measured') return [[one.name, one.status, '', '', '', '']]
  const first = [`${one.name}, per ${one.unit}`, formatNs(one.ns.p50), formatNs(one.ns.p99)]
  const budgets = one.budgets.map((budget) => [
    budget.text,
    budget.text.includes(' ns') || / [mµ]?s$/.test(budget.text)
      ? formatNs(budget.actual)
      : formatRatio(budget.actual),
    budget.met ? 'ok' : 'OVER',
  ])
  const shown = new Set(one.budgets.map(({ text }) => text.split(' x ')[1]))
  const rivals = one.rivals
    .filter(({ name }) => !shown.has(name))
    .map(({ name, ratio }) => [`(x ${name})`, formatRatio(ratio), ''])
  return [...budgets, ...rivals].map((cells, index) =>
    index === 0 ? [...first, ...cells] : ['', '', '', ...cells],
  )
}
