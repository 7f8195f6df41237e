import { escapeHtml } from '../escape-html.ts'
import type { RouteFigures } from './call-record.ts'
import type { ExplainedCall, LoadResult } from './load-result.ts'
import { describeLoad, formatMs } from './report-console.ts'
import { criteriaOf } from './scenarios.ts'
import { timeChart } from './time-chart.ts'
import { calls, type CallName } from './traffic-model.ts'

const style = `:root{color-scheme:light dark;--ink:light-dark(#1c2733,#dfe6ed);--line:light-dark(#dde3e9,#33404d);--a:light-dark(#2b6cb0,#6aa9e9);--b:light-dark(#b7791f,#e0b04c);--c:light-dark(#a02c6b,#ee82be);--good:light-dark(#1f7a3d,#6fce8b);--over:light-dark(#b3261e,#ff8a80);--shade:light-dark(#f2f6fa,#1b2630)}
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem;color:var(--ink);background:light-dark(#fff,#12181e)}
table{border-collapse:collapse;width:100%;font-size:13px}td,th{padding:4px 8px;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}td:first-child,th:first-child,.text td,.text th{text-align:left}.wide{overflow-x:auto}
.verdict{font-size:19px;font-weight:600;border-left:6px solid var(--over);background:var(--shade);padding:.6rem 1rem}.PASS,.REPORTED{border-color:var(--good)}.INVALID,.INTERRUPTED{border-color:var(--b)}.miss{color:var(--over);font-weight:600}.ok{color:var(--good)}
figure{margin:1.2rem 0}figcaption{font-weight:600}.legend{font-weight:400;margin-left:1rem}.legend span{margin-right:1rem}.legend i{display:inline-block;width:14px;height:3px;margin-right:5px;vertical-align:middle}svg{width:100%}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
details{border-bottom:1px solid var(--line);padding:.35rem 0}summary{cursor:pointer}code{font-size:12px;overflow-wrap:anywhere}.span{display:flex;font-size:12px;gap:8px}.span b{font-weight:400;width:38%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.span i{position:relative;flex:1;background:var(--shade)}.span i u{position:absolute;top:3px;bottom:3px;background:var(--a);min-width:2px}.span s{text-decoration:none;width:80px;text-align:right}
dt{font-weight:600;float:left;clear:left;width:10rem}dd{margin-left:10.5rem}a{color:var(--a)}`

/** One self-contained page: verdict, latency and throughput over time, routes, the service, the slowest calls. */
export function loadPage(result: LoadResult): string {
  const { verdict, windows, figures, service, perSecond } = result
  const times = windows.map(({ seconds }) => seconds)
  const title = `Load: ${describeLoad(result)}`
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${verdict.kind}: ${escapeHtml(result.scenario)}</title>
<meta name="viewport" content="width=device-width"><style>${style}</style>
<h1>${escapeHtml(title)}</h1>
<p class="verdict ${verdict.kind}">${verdict.kind}: ${escapeHtml(verdict.sentence)}</p>
<div class="wide"><table class="text"><tr><th>Criterion<th>Found<th>Limit<th>Met</tr>${verdict.criteria
    .map(
      ({ name, found, limit, met }) =>
        `<tr><td>${escapeHtml(name)}<td>${escapeHtml(found)}<td>${escapeHtml(limit)}<td class="${met === false ? 'miss' : 'ok'}">${met === null ? 'not looked at' : met ? 'yes' : 'no'}</tr>`,
    )
    .join('')}</table></div>
<h2>Over time</h2>
<p>Latency counts from the moment at which a call was due, so that time in which the generator or a queue held it back is in it. One point covers ${result.plan.windowSeconds} s.</p>
${timeChart({
  label: 'Latency',
  unit: 'ms',
  times,
  log: true,
  limit: criteriaOf(result.scenario).p95Ms,
  lines: [
    { name: 'p50', color: 'var(--a)', values: windows.map(({ p50 }) => p50) },
    { name: 'p95', color: 'var(--b)', values: windows.map(({ p95 }) => p95) },
    { name: 'p99', color: 'var(--c)', values: windows.map(({ p99 }) => p99) },
  ],
})}
${timeChart({
  label: 'Answers',
  unit: 'per second',
  times,
  lines: [
    {
      name: 'success',
      color: 'var(--good)',
      values: windows.map((one) => (one.answered - one.failed) / one.length),
    },
    { name: 'failure', color: 'var(--over)', values: windows.map((one) => one.failed / one.length) },
  ],
})}
${timeChart({
  label: 'Load',
  unit: 'count',
  times,
  lines: [
    { name: 'users', color: 'var(--a)', values: windows.map(({ users }) => users) },
    { name: 'calls under way', color: 'var(--b)', values: windows.map(({ inFlight }) => inFlight) },
  ],
})}
<h2>Routes</h2>
${routeTable(result)}
<p>${perSecond.overall.toFixed(1)} successful answers per second over the whole run, ${perSecond.steady.toFixed(1)} with all users. Times in ms; “sent p95” counts from the sending, as a client that waits its turn would see it.</p>
${failures(result)}
<h2>The service</h2>
${timeChart({
  label: 'CPU of the service, its threads included',
  unit: 'cores',
  times: service.samples.map(({ seconds }) => seconds),
  lines: [{ name: 'CPU', color: 'var(--a)', values: service.samples.map(({ cpu }) => cpu) }],
})}
${timeChart({
  label: 'Backtests waiting or running',
  unit: 'count',
  times: service.samples.map(({ seconds }) => seconds),
  lines: [{ name: 'jobs', color: 'var(--c)', values: service.samples.map(({ queue }) => queue) }],
})}
${timeChart({
  label: 'Memory',
  unit: 'MiB',
  times: service.samples.map(({ seconds }) => seconds),
  lines: [
    { name: 'resident', color: 'var(--b)', values: service.samples.map(({ rssMib }) => rssMib) },
    {
      name: 'heap of the main thread',
      color: 'var(--a)',
      values: service.samples.map(({ heapMib }) => heapMib),
    },
  ],
})}
<p>Its health check, which does nothing, was answered in ${formatMs(service.healthMs.p50)} ms (p50), ${formatMs(service.healthMs.p99)} ms (p99), at most ${formatMs(service.healthMs.max)} ms: for so long the event loop was held. Spans dropped: ${service.spansDropped}.</p>
<h2>The slowest of each route</h2>
<p>A trace opens in the viewer of the sidecar while that runs (<code>--keep</code>, or a service of your own with <code>--viewer</code>); its longest spans are kept here.</p>
${result.slowest.map(slowCall).join('\n')}
<h2>The run</h2><dl>${Object.entries(facts(result))
    .map(([name, value]) => `<dt>${escapeHtml(name)}<dd>${escapeHtml(value)}`)
    .join('')}</dl>
<p>Sent ${figures.sent} calls, ${figures.onTime} of them on time.</p></html>
`
}

function routeTable({ figures, seconds }: LoadResult): string {
  const row = (name: string, route: RouteFigures) =>
    `<tr><td>${escapeHtml(name)}<td>${route.answered}<td${route.failed > 0 ? ' class="miss"' : ''}>${route.failed}<td>${(route.answered / Math.max(1e-3, seconds)).toFixed(2)}<td>${((route.answered / Math.max(1, figures.answered)) * 100).toFixed(1)} %${[route.p50, route.p95, route.p99, route.max, route.serviceP95].map((ms) => `<td>${formatMs(ms)}`).join('')}</tr>`
  const rows = (Object.entries(figures.routes) as [CallName, RouteFigures][])
    .sort(([, a], [, b]) => b.answered - a.answered)
    .map(([name, route]) => row(`${calls[name].method} ${calls[name].route}`, route))
  return `<div class="wide"><table><tr><th>Route<th>Answered<th>Failed<th>Per second<th>Share<th>p50<th>p95<th>p99<th>Max<th>Sent p95</tr>${rows.join('')}${row('all', figures)}</table></div>`
}

function failures({ figures }: LoadResult): string {
  if (figures.failures.length === 0) return '<p>Nothing failed.</p>'
  return `<div class="wide"><table class="text"><tr><th>Call<th>Reason<th>Times<th>The first</tr>${figures.failures
    .map(
      ({ call, reason, count, detail }) =>
        `<tr><td>${call}<td>${escapeHtml(reason)}<td>${count}<td><code>${escapeHtml(detail)}</code></tr>`,
    )
    .join('')}</table></div>`
}

function slowCall(slow: ExplainedCall): string {
  const { call, latencyMs, atSeconds, reason, asked, traceId, traceUrl, spans, spanCount, chain, chainUrl } =
    slow
  const trace =
    traceUrl === null
      ? traceId === null
        ? 'The answer names no trace.'
        : `Trace <code>${traceId}</code>, not found at a sidecar.`
      : `Trace <a href="${escapeHtml(traceUrl)}"><code>${traceId}</code></a>, ${spanCount} spans.`
  const decisions =
    chain === null || chain.length === 0
      ? ''
      : `<p>What decided it${chainUrl === null ? '' : ` (<a href="${escapeHtml(chainUrl)}">chain</a>)`}: ${chain.map(({ stage, verdict }) => `${escapeHtml(stage)} ${escapeHtml(verdict)}`).join(' → ')}</p>`
  return `<details><summary>${call}: ${formatMs(latencyMs)} ms at ${atSeconds.toFixed(1)} s, ${escapeHtml(reason)}</summary><p><code>${escapeHtml(asked)}</code></p><p>${trace}</p>${spans === null ? '' : waterfall(spans)}${decisions}</details>`
}

function waterfall(spans: NonNullable<ExplainedCall['spans']>): string {
  const end = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs), 0.001)
  return spans
    .map(({ name, depth, startMs, durationMs }) => {
      const at = ((startMs / end) * 100).toFixed(2)
      const long = ((durationMs / end) * 100).toFixed(2)
      return `<div class="span"><b style="padding-left:${depth * 10}px">${escapeHtml(name)}</b><i><u style="left:${at}%;width:${long}%"></u></i><s>${formatMs(durationMs)} ms</s></div>`
    })
    .join('')
}

function facts(result: LoadResult): Record<string, string> {
  const { environment, generator, figures, jobs, burst, plan } = result
  return {
    when: result.createdAt,
    revision: `${result.revision.commit}${result.revision.dirty ? ' with changes' : ''}`,
    machine: environment.machineClass,
    processor: `${environment.cpu}, ${environment.cores} cores, ${environment.memoryGb} GB`,
    Node: environment.node,
    platform: environment.platform,
    'load average': `${environment.load} before, ${result.loadAfter} after`,
    service: result.target.own
      ? `its own: service, PostgreSQL and sidecar on this machine, ${result.bars ?? 0} bars stored before`
      : result.target.url,
    calls: `seed ${plan.seed}, timeout ${plan.timeoutMs} ms`,
    generator: `a process of its own on this machine${generator.priorityRaised ? ', at a raised priority' : ''}: ${(generator.cpuShare * 100).toFixed(1)} % of a core; event loop late by ${formatMs(generator.loopP99)} ms (p99), ${formatMs(generator.loopMax)} ms (most); calls late by ${formatMs(figures.lagP50)} ms (p50), ${formatMs(figures.lagP99)} ms (p99), ${formatMs(figures.lagMax)} ms (most)`,
    'accepted backtests':
      jobs === null
        ? 'none followed'
        : `${jobs.followed} followed, ${jobs.completed} completed, the longest ${jobs.longestMs} ms from acceptance`,
    'at once':
      burst === null
        ? 'not run'
        : `${burst.calls} generate calls, the last answered after ${burst.slowestMs} ms`,
    warnings: environment.warnings.join(' ') || 'none',
  }
}
