import { table } from '../format.ts'
import type { RouteFigures } from './call-record.ts'
import type { LoadResult } from './load-result.ts'
import { calls, type CallName } from './traffic-model.ts'

/** The report for a terminal, at most 80 columns wide. */
export function loadReport(result: LoadResult): string {
  const { figures, perSecond, verdict, seconds, generator, jobs, burst, service } = result
  const row = (name: string, route: RouteFigures): string[] => [
    name,
    String(route.answered),
    String(route.failed),
    (route.answered / Math.max(1e-3, seconds)).toFixed(1),
    ...[route.p50, route.p95, route.p99, route.max].map(formatMs),
  ]
  const rows = [
    ['call', 'answered', 'failed', 'per s', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'],
    ...(Object.entries(figures.routes) as [CallName, RouteFigures][])
      .sort(([, a], [, b]) => b.answered - a.answered)
      .map(([name, route]) => row(`${calls[name].method} ${calls[name].route.slice(8)}`, route)),
    row('all', figures),
  ]
  const peakQueue = Math.max(0, ...service.samples.map(({ queue }) => queue ?? 0))
  const lines = [
    `${describeLoad(result)}, ${seconds.toFixed(0)} s`,
    '',
    ...table(rows),
    '',
    ...verdict.criteria.map(
      ({ name, found, limit, met }) =>
        `${met === null ? '?   ' : met ? 'ok  ' : 'MISS'} ${name}: ${found} (${limit})`,
    ),
    '',
    `throughput ${perSecond.overall.toFixed(1)}/s over all, ${perSecond.steady.toFixed(1)}/s with all users`,
    `generator: p99 late by ${formatMs(figures.lagP99)} ms, event loop ${formatMs(generator.loopP99)} ms, ${(generator.cpuShare * 100).toFixed(0)} % of a core`,
    `service: health check p99 ${formatMs(service.healthMs.p99)} ms, at most ${formatMs(service.healthMs.max)} ms; ${peakQueue} jobs at most`,
    ...(jobs === null
      ? []
      : [`followed ${jobs.followed} accepted backtests, the longest ${jobs.longestMs} ms`]),
    ...(burst === null ? [] : [`${burst.calls} generate calls at once: ${burst.slowestMs} ms`]),
    ...figures.failures
      .slice(0, 5)
      .map(({ call, reason, count, detail }) =>
        `failed: ${call} ${reason} x${count}: ${detail}`.slice(0, 80),
      ),
    ...result.slowest
      .filter(({ traceUrl }) => traceUrl !== null)
      .slice(0, 3)
      .map(({ call, latencyMs, traceId }) => `slow: ${call} ${formatMs(latencyMs)} ms, trace ${traceId}`),
    ...result.environment.warnings.map((warning) => `warning: ${warning}`),
    `${verdict.kind}: ${verdict.sentence}`,
    '',
  ]
  return lines.join('\n')
}

export function describeLoad({ scenario, scale, plan, target }: LoadResult): string {
  const { load, userClass } = plan
  const who =
    load.kind === 'users'
      ? `${load.users} users of the class ${userClass}, ${load.spawnPerSecond} per second`
      : `${load.perSecond} arrivals per second, mix of the class ${userClass}`
  return `${scenario}${scale === 1 ? '' : ` at scale ${scale}`}: ${who}${target.own ? '' : `, at ${target.url}`}`
}

export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return '-'
  return ms >= 1_000 ? ms.toFixed(0) : ms >= 100 ? ms.toFixed(1) : ms.toFixed(2)
}
