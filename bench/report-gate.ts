import { formatChange, formatInterval, formatMsUs, table } from './format.ts'
import { isCompared, type GateResult } from './gate-result.ts'

/** One line that says how the comparison ended, in words. */
export function gateSentence(result: GateResult): string {
  const count = (verdict: string): number => result.cases.filter((one) => one.verdict === verdict).length
  const canary = formatInterval(result.canary.change)
  const inconclusive = count('INCONCLUSIVE')
  const all = result.cases.length
  const pass =
    inconclusive === 0
      ? `none of ${all} benchmarks became slower.`
      : `none of ${all} benchmarks became slower for sure; ${inconclusive} inconclusive.`
  const sentences = {
    'TOO NOISY': `the canary, compared with itself, changed by ${canary}; nothing is judged.`,
    REGRESSION: `${count('REGRESSION')} of ${all} benchmarks became slower.`,
    FAILED: `${count('MISSING')} missing, ${count('BROKEN')} broken; none of the others became slower.`,
    PASS: pass,
  }
  return `${result.verdict}: ${sentences[result.verdict]}`
}

/** The console report, its table at most 80 columns wide. */
export function gateReport(result: GateResult): string {
  const judged = result.verdict !== 'TOO NOISY'
  const rows = [['benchmark', 'verdict', 'base', 'head', 'change']]
  for (const one of result.cases)
    rows.push(
      isCompared(one)
        ? [
            one.name,
            judged ? one.verdict : 'not judged',
            formatMsUs(one.base.p25),
            formatMsUs(one.head.p25),
            formatInterval(one.change),
          ]
        : [one.name, one.verdict, '', '', ''],
    )
  const told = (verdict: string): string[] =>
    result.cases
      .filter((one) => judged && one.verdict === verdict && isCompared(one))
      .map((one) => `  ${one.name} ${isCompared(one) ? formatChange(one.change.estimate) : ''}`)
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', title, ...lines]
  const counts = Object.entries(Object.groupBy(result.cases, ({ verdict }) => verdict)).map(
    ([verdict, some]) => `${some.length} ${verdict}`,
  )
  return [
    ...table(rows, ['left', 'left']),
    ...section('Regressions', told('REGRESSION')),
    ...section('Improvements', told('IMPROVED')),
    ...section(
      'Notes',
      result.cases.flatMap((one) => notes(one).map((note) => `  ${one.name}: ${note}`)),
    ),
    '',
    `${counts.join(', ')}; ${result.rounds} rounds in ${result.seconds.toFixed(0)} s, seed ${result.seed}`,
    `canary ${formatInterval(result.canary.change)}; ${result.environment.machineClass}`,
    ...result.environment.warnings.map((line) => `warning: ${line}`),
    gateSentence(result),
    '',
  ].join('\n')
}

/** What is worth saying about one benchmark beside its verdict. */
export function notes(one: GateResult['cases'][number]): string[] {
  if (!isCompared(one)) return [one.reason]
  const { instructions } = one
  if (instructions === undefined) return one.warnings
  const counted = `callgrind: ${instructions.base.toFixed(2)} -> ${instructions.head.toFixed(2)} instructions per ${one.unit} (${formatChange(instructions.change)})`
  return [counted, ...one.warnings]
}
