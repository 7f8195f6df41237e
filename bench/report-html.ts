import { escapeHtml } from './escape-html.ts'
import { formatInterval, formatMsUs, formatNs, formatRatio } from './format.ts'
import { isCompared, type GateResult } from './gate-result.ts'
import { gateSentence, notes } from './report-gate.ts'
import type { BenchResult } from './result.ts'

/** One self-contained page: verdict, forest plot, table, budgets, history of earlier runs, environment. */
export function gatePage(
  result: GateResult,
  bench?: BenchResult,
  history: readonly BenchResult[] = [],
): string {
  const compared = result.cases.filter(isCompared)
  const rows = result.cases.map((one) => {
    const cells = isCompared(one)
      ? [
          formatMsUs(one.base.p25),
          formatMsUs(one.head.p25),
          formatInterval(one.change),
          formatMsUs(one.head.p50),
          formatMsUs(one.head.p95),
          formatMsUs(one.head.p99),
        ]
      : ['', '', '', '', '', '']
    const verdict = result.verdict === 'TOO NOISY' ? 'not judged' : one.verdict
    return `<tr class="${one.verdict}"><td>${escapeHtml(one.name)}${cells.map((text) => `<td>${text}`).join('')}<td>${verdict}<td>${budgetOf(one.name, bench)}<td>${escapeHtml(notes(one).join('; '))}`
  })
  const { environment } = result
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(result.verdict)}: ${escapeHtml(result.base.name)} to ${escapeHtml(result.head.name)}</title>
<meta name="viewport" content="width=device-width">
<style>:root{color-scheme:light dark;--ink:light-dark(#1c2733,#dfe6ed);--line:light-dark(#dde3e9,#33404d);--axis:#8895a3;--mark:light-dark(#2b6cb0,#6aa9e9);--shade:light-dark(#eef4fa,#1d2a36);--bad:light-dark(#fde8e6,#4a2320);--good:light-dark(#e4f5e8,#1d3a26);--open:light-dark(#fff6d6,#433a17);--met:#4a9d63;--over:#c0453a}
body{font:15px/1.45 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem;color:var(--ink);background:light-dark(#fff,#12181e)}
.wide{overflow-x:auto}svg{min-width:760px;width:100%}
table{border-collapse:collapse;width:100%;font-size:13px}td,th{padding:4px 8px;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}.REGRESSION,.BROKEN,.MISSING{background:var(--bad)}.IMPROVED{background:var(--good)}.INCONCLUSIVE{background:var(--open)}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}.verdict{font-size:20px;font-weight:600}dt{font-weight:600;float:left;clear:left;width:9rem}</style>
<h1>Benchmarks: ${escapeHtml(result.base.name)} to ${escapeHtml(result.head.name)}</h1>
<p class="verdict">${escapeHtml(gateSentence(result))}</p>
<h2>Change with interval</h2><p>Shaded: below the +10 % by which a pull request must not be slower. The dashed line at +7.5 % is the estimate that fails.</p>
${forest([...compared, { name: `${result.canary.name} (A/A)`, change: result.canary.change }])}
<h2>Numbers</h2><div class="wide"><table><tr><th>Benchmark<th>Base<th>Head<th>Change<th>p50<th>p95<th>p99<th>Verdict<th>Budget<th>Notes</tr>${rows.join('\n')}</table></div>
${bench === undefined ? '' : `<h2>Budgets</h2>${budgets(bench)}`}
${history.length < 2 ? '' : `<h2>History</h2>${historyCharts(history)}`}
<h2>Environment</h2><dl>${Object.entries({
    machine: environment.machineClass,
    Node: environment.node,
    platform: environment.platform,
    'free memory': `${environment.freeMemoryGb} GB`,
    load: environment.load,
    governor: environment.governor ?? 'not told',
    rounds: `${result.rounds} in ${result.seconds.toFixed(0)} s, seed ${result.seed}`,
    base: result.base.commit,
    head: result.head.commit,
    warnings: environment.warnings.join(' ') || 'none',
  })
    .map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(String(value))}</dd>`)
    .join('')}</dl></html>
`
}

function budgetOf(name: string, bench: BenchResult | undefined): string {
  const one = bench?.cases.find((found) => found.name === name)
  if (one?.status !== 'measured') return ''
  return one.budgets.map(({ text, met }) => `${escapeHtml(text)} ${met ? 'ok' : 'OVER'}`).join('<br>')
}

type Drawn = { name: string; change: { estimate: number; lower: number; upper: number } }

function forest(rows: readonly Drawn[]): string {
  const span = Math.min(0.5, Math.max(0.15, ...rows.flatMap(({ change }) => [-change.lower, change.upper])))
  const x = (value: number): number => 560 + (Math.max(-span, Math.min(span, value)) / span) * 280
  const height = rows.length * 24 + 34
  const line = (value: number, extra: string): string =>
    `<line x1="${x(value)}" x2="${x(value)}" y1="0" y2="${height - 28}" stroke="var(--axis)" ${extra}/>`
  const marks = rows.map(({ name, change }, index) => {
    const y = index * 24 + 14
    return `<text x="250" y="${y + 4}" text-anchor="end">${escapeHtml(name)}</text><line x1="${x(change.lower)}" x2="${x(change.upper)}" y1="${y}" y2="${y}" stroke="var(--mark)" stroke-width="3"/><circle cx="${x(change.estimate)}" cy="${y}" r="5" fill="var(--mark)"/><text x="850" y="${y + 4}">${formatInterval(change)}</text>`
  })
  const ticks = [-span, 0, 0.1, span].map(
    (value) =>
      `<text x="${x(value)}" y="${height - 8}" text-anchor="middle">${value > 0 ? '+' : ''}${(value * 100).toFixed(0)} %</text>`,
  )
  return `<div class="wide"><svg viewBox="0 0 1050 ${height}" role="img" aria-label="Forest plot"><rect x="${x(-span)}" width="${x(0.1) - x(-span)}" height="${height - 28}" fill="var(--shade)"/>${line(0, '')}${line(0.075, 'stroke-dasharray="4 4"')}${marks.join('')}${ticks.join('')}</svg></div>`
}

function budgets(bench: BenchResult): string {
  const rows = bench.cases.flatMap((one) =>
    one.status === 'measured' ? one.budgets.map((budget) => ({ name: one.name, ...budget })) : [],
  )
  const bars = rows.map(({ name, text, limit, actual, met }, index) => {
    const y = index * 24
    const width = Math.max(2, Math.min(1.5, actual / limit) * 200)
    return `<text x="420" y="${y + 16}" text-anchor="end">${escapeHtml(`${name}: ${text}`)}</text><rect x="430" y="${y + 4}" width="${width}" height="15" fill="${met ? 'var(--met)' : 'var(--over)'}"/><text x="745" y="${y + 16}">${text.startsWith('p') ? formatNs(actual) : formatRatio(actual)}</text>`
  })
  return `<svg viewBox="0 0 1050 ${rows.length * 24 + 4}" role="img" aria-label="Budgets">${bars.join('')}<line x1="630" x2="630" y1="0" y2="${rows.length * 24}" stroke="var(--ink)"/></svg>`
}

function historyCharts(history: readonly BenchResult[]): string {
  const names = history.at(-1)!.cases.map(({ name }) => name)
  return names
    .map((name) => {
      const values = history.flatMap(({ cases }) =>
        cases.flatMap((one) => (one.name === name && one.status === 'measured' ? [one.ns.p25] : [])),
      )
      if (values.length < 2) return ''
      const most = Math.max(...values)
      const points = values.map(
        (value, i) => `${(i / (values.length - 1)) * 600 + 260},${52 - (value / most) * 44}`,
      )
      return `<svg viewBox="0 0 1050 58"><text x="250" y="34" text-anchor="end">${escapeHtml(name)}</text><polyline points="${points.join(' ')}" fill="none" stroke="var(--mark)" stroke-width="2"/><text x="870" y="34">${formatNs(values.at(-1)!)}</text></svg>`
    })
    .join('')
}
