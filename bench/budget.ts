import type { Allocation } from './allocation.ts'
import type { Budget } from './case.ts'
import { formatNs, formatRatio } from './format.ts'
import type { BudgetResult } from './result.ts'
import type { Measurement } from './runner.ts'

/** Holds a measurement against one budget. Throws when the budget names a rival that was not measured. */
export function judgeBudget(
  budget: Budget,
  measured: Pick<Measurement, 'ns' | 'rivals'>,
  allocation?: Allocation,
): BudgetResult {
  const { reason } = budget
  if (budget.kind === 'ceiling') {
    const statistic = budget.statistic ?? 'p50'
    const actual = measured.ns[statistic]
    const text = `${statistic} <= ${formatNs(budget.maxNs)}`
    return { text, limit: budget.maxNs, actual, reason, met: actual <= budget.maxNs }
  }
  if (budget.kind === 'ratio' || budget.kind === 'extra') {
    const rival = measured.rivals.find(({ name }) => name === budget.rival)
    if (rival === undefined)
      throw new Error(`a budget names the rival ${budget.rival}, which was not measured`)
    if (budget.kind === 'extra') {
      const actual = measured.ns.p25 - rival.ns.p25
      const text = `${budget.rival} + ${formatNs(budget.maxNs)}`
      return { text, limit: budget.maxNs, actual, reason, met: actual <= budget.maxNs }
    }
    const text = `<= ${formatRatio(budget.max)} x ${budget.rival}`
    return { text, limit: budget.max, actual: rival.ratio, reason, met: rival.ratio <= budget.max }
  }
  if (allocation === undefined) throw new Error('a budget limits allocation, which was not measured')
  const { heapBytes, externalBytes } = allocation
  const actual = budget.columns ? heapBytes + externalBytes : heapBytes
  const text = `${budget.columns ? 'memory' : 'heap'} <= ${budget.maxBytes} bytes`
  return { text, limit: budget.maxBytes, actual, reason, met: actual <= budget.maxBytes }
}
