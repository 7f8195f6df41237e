import { fileURLToPath } from 'node:url'
import { allocationFlags, type Allocation } from './allocation.ts'
import { judgeBudget } from './budget.ts'
import type { BenchCase } from './case.ts'
import { run } from './child.ts'
import { config } from './config.ts'
import type { CaseResult } from './result.ts'
import type { Measurement } from './runner.ts'

const measureFile = fileURLToPath(new URL('measure.ts', import.meta.url))

interface RunCasesOptions {
  readonly quick: boolean
  readonly signal: AbortSignal
  started(name: string, index: number): void
  finished(result: CaseResult): void
}

/** Measures each case in a fresh process, one after the other. A case that fails is a result too: `broken`. */
export async function runCases(cases: readonly BenchCase[], options: RunCasesOptions): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  for (const [index, one] of cases.entries()) {
    options.started(one.name, index)
    const result = await runCase(one, options)
    results.push(result)
    options.finished(result)
  }
  return results
}

async function runCase(one: BenchCase, { quick, signal }: RunCasesOptions): Promise<CaseResult> {
  const { name, unit, about } = one
  try {
    const measured = await inProcess<Measurement>(name, quick ? 'quick' : 'run', [], signal)
    if ('skipped' in measured) return { status: 'skipped', name, reason: measured.skipped }
    const limitsAllocation = one.budgets.some(({ kind }) => kind === 'allocation')
    const allocation = limitsAllocation
      ? await inProcess<Allocation>(name, 'allocation', allocationFlags, signal)
      : undefined
    if (allocation !== undefined && 'skipped' in allocation)
      return { status: 'skipped', name, reason: allocation.skipped }
    return {
      status: 'measured',
      name,
      unit,
      about,
      ...measured,
      ...(allocation === undefined ? {} : { allocation }),
      rivals: [...measured.rivals],
      notes: [...measured.notes],
      budgets: one.budgets.map((budget) => judgeBudget(budget, measured, allocation)),
    }
  } catch (error) {
    signal.throwIfAborted()
    return { status: 'broken', name, reason: (error as Error).message }
  }
}

async function inProcess<T>(
  name: string,
  mode: string,
  flags: readonly string[],
  signal: AbortSignal,
): Promise<T | { skipped: string }> {
  const args = [...flags, measureFile, '--case', name, '--mode', mode]
  // The case ends itself at the limit; the rest is for its setup and for one iteration that hangs.
  const timeoutSeconds = config.limitSeconds * 2 + 60
  return JSON.parse(await run(process.execPath, args, { timeoutSeconds, signal })) as T | { skipped: string }
}
