import { formatInterval, formatMsUs } from './format.ts'
import { isCompared, type GateResult } from './gate-result.ts'
import { gateSentence, notes } from './report-gate.ts'

/** By this line the comment is found again and updated in place. */
const commentMarker = '<!-- tapescope-gate -->'

/** Comment of a pull request in Markdown: one-line verdict, changed rows, the rest folded. */
export function gateComment(result: GateResult): string {
  const { environment } = result
  const judged = result.verdict !== 'TOO NOISY'
  const pick = (...verdicts: string[]): GateResult['cases'] =>
    judged ? result.cases.filter(({ verdict }) => verdicts.includes(verdict)) : []
  const section = (title: string, cases: GateResult['cases']): string[] =>
    cases.length === 0 ? [] : [`**${title}**`, '', ...markdownTable(cases, judged), '']
  const rest = judged ? pick('PASS', 'INCONCLUSIVE', 'NEW') : result.cases
  return [
    commentMarker,
    `**${gateSentence(result)}**`,
    '',
    ...section('Regressions', pick('REGRESSION', 'MISSING', 'BROKEN')),
    ...section('Improvements', pick('IMPROVED')),
    `<details><summary>${rest.length} others</summary>`,
    '',
    ...markdownTable(rest, judged),
    '',
    '</details>',
    '',
    `${result.base.commit.slice(0, 10)} -> ${result.head.commit.slice(0, 10)}, ${result.rounds} rounds in ${result.seconds.toFixed(0)} s; canary ${formatInterval(result.canary.change)}; \`${environment.machineClass}\`, Node ${environment.node}`,
    ...environment.warnings.map((line) => `> ${line}`),
    '',
  ].join('\n')
}

function markdownTable(cases: GateResult['cases'], judged: boolean): string[] {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const rows = cases.map((one) => {
    const verdict = judged ? one.verdict : 'not judged'
    const cells = isCompared(one)
      ? [one.name, formatMsUs(one.base.p25), formatMsUs(one.head.p25), formatInterval(one.change), verdict]
      : [one.name, '', '', '', verdict]
    return `| ${[...cells, notes(one).join('; ')].map(cell).join(' | ')} |`
  })
  return ['| Benchmark | Base | Head | Change | Verdict | Notes |', '|---|--:|--:|--:|---|---|', ...rows]
}
