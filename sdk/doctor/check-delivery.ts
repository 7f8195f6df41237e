import type { Finding } from './finding.ts'

/** Counts by reason, as the metrics show them. */
export interface Losses {
  readonly spans: Readonly<Record<string, number>>
  readonly logRecords: Readonly<Record<string, number>>
  readonly misuse: Readonly<Record<string, number>>
}

const remedies: Record<string, string> = {
  queue_full:
    'The backend was away, or slower than the program, for longer than the queue lasts: raise TAPESCOPE_QUEUE_BYTES, sample (OTEL_TRACES_SAMPLER), or run a collector beside it.',
  refused:
    'The backend answered with a status that no retry mends: check endpoint and headers (tapescope doctor tries them) and its log.',
  rejected:
    'The backend took the batch but not these items: its log says why (limits on size, age or attributes).',
  encoding_failed: 'They could not be encoded: please report it with the attributes that they had.',
  shutdown_deadline:
    'The backend did not take them before the process ended: raise TAPESCOPE_DEADLINE_MS, or run a collector beside it.',
  after_shutdown: 'They ended after telemetry.shutdown(): call it last.',
}

/** What was lost, and why. */
export function findLosses({ spans, logRecords, misuse }: Losses): Finding[] {
  const findings: Finding[] = []
  for (const [what, counts] of [
    ['spans', spans],
    ['log records', logRecords],
  ] as const)
    for (const [reason, count] of Object.entries(counts))
      if (count > 0)
        findings.push({
          check: 'delivery',
          problem: `${count} ${what} were dropped: ${reason}.`,
          remedy: remedies[reason] ?? 'See docs/sdk.md for the reasons.',
        })
  for (const [reason, count] of Object.entries(misuse))
    if (count > 0)
      findings.push({
        check: 'delivery',
        problem: `${count} calls of the SDK were refused: ${reason}.`,
        remedy: 'The call did no harm but is not recorded: see tapescope_misuse_total in docs/telemetry.md.',
      })
  return findings
}

/** Reads the losses from a page of metrics, classic text or OpenMetrics. */
export function readLosses(text: string): Losses {
  const read = (name: string): Record<string, number> => {
    const found: Record<string, number> = {}
    for (const [, reason = '', value] of text.matchAll(
      new RegExp(`^${name}\\{[^}]*reason="([^"]*)"[^}]*\\} (\\S+)`, 'gm'),
    ))
      found[reason] = Number(value)
    return found
  }
  return {
    spans: read('tapescope_spans_dropped_total'),
    logRecords: read('tapescope_log_records_dropped_total'),
    misuse: read('tapescope_misuse_total'),
  }
}
