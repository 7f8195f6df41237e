import type { Pattern } from '../model/bar-series.ts'
import { href } from '../route.ts'

/** Why a pattern became a signal or did not: each stage with what it measured and its limits. */
export function DecisionChain({ pattern, time }: { pattern: Pattern; time: number }) {
  const { type, side, phase, confidence, rejectionStage, rejectionReason, decided, traceId } = pattern
  return (
    <section class="card" aria-label="Decision chain">
      <div class="bar">
        <h2>
          {type} {side}, phase {phase}, {new Date(time).toISOString().slice(0, 10)}
        </h2>
        <span class="facts">
          confidence {confidence} % ·{' '}
          {rejectionStage === null
            ? 'became a signal'
            : `rejected by ${rejectionStage}: ${rejectionReason ?? ''}`}
        </span>
        <a class="button strong" href={href(`trace/${traceId}`, { q: type })}>
          The trace that made it
        </a>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Stages of the decision">
        <table class="list">
          <thead>
            <tr>
              <th>Stage</th>
              <th>Verdict</th>
              <th>Measured</th>
              <th>Limits</th>
            </tr>
          </thead>
          <tbody>
            {decided.map((one) => (
              <tr key={one.stage}>
                <td>{one.stage}</td>
                <td class={one.verdict === 'PASS' ? '' : 'bad'}>
                  {one.verdict} {one.reason ?? ''}
                </td>
                <td class="wide">{values(one.measured)}</td>
                <td class="wide quiet">{values(one.thresholds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function values(of: Readonly<Record<string, string | number | boolean | null>>): string {
  return Object.entries(of)
    .map(([key, value]) => `${key} ${typeof value === 'number' ? Number(value.toPrecision(6)) : value}`)
    .join(', ')
}
