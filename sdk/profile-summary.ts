import { profileTotals, type ProfileDocument } from './profile-document.ts'
import { column, terminalText } from './terminal-text.ts'

/** Where the CPU time of a profile went. Milliseconds of sample weight; what the thread idled is left out of `spans`. */
export interface ProfileSummary {
  readonly service: string
  readonly samples: number
  readonly totalMs: number
  readonly gcMs: number
  readonly idleMs: number
  readonly nativeMs: number
  readonly lostSections: number
  /** By span name, most time first; `name` null is what no span could be credited with. */
  readonly spans: readonly { name: string | null; samples: number; cpuMs: number }[]
}

export function summarise(document: ProfileDocument): ProfileSummary {
  const { samples, stacks, frames, spans } = document
  const totals = profileTotals(document)
  const byName = new Map<string | null, { samples: number; cpuUs: number }>()
  for (const [i, span] of samples.span.entries()) {
    if (frames[stacks.frame[samples.stack[i]]]?.name === '(idle)') continue
    const name = spans[span]?.name ?? null
    const sum = byName.get(name) ?? { samples: 0, cpuUs: 0 }
    byName.set(name, { samples: sum.samples + 1, cpuUs: sum.cpuUs + samples.weightUs[i] })
  }
  return {
    service: document.service,
    samples: totals.samples,
    totalMs: totals.totalUs / 1000,
    gcMs: totals.gcUs / 1000,
    idleMs: totals.idleUs / 1000,
    nativeMs: totals.programUs / 1000,
    lostSections: document.lostSections,
    spans: [...byName]
      .map(([name, sum]) => ({ name, samples: sum.samples, cpuMs: sum.cpuUs / 1000 }))
      .sort((a, b) => b.cpuMs - a.cpuMs),
  }
}

const rows = 12

/** For a terminal of 80 columns (addresses may be longer). */
export function renderSummary(
  summary: ProfileSummary,
  file: string,
  suffixes: readonly string[],
  link: string | undefined,
): string {
  const { samples, totalMs, gcMs, idleMs, nativeMs, spans, lostSections } = summary
  const busyMs = Math.max(totalMs - idleMs, 1e-6)
  const share = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`
  const lines = [
    '',
    `tapescope: ${samples} samples in ${(totalMs / 1000).toFixed(2)} s of ${terminalText(summary.service, 40)}`,
    `  idle ${share(idleMs, Math.max(totalMs, 1e-6))}; of the rest garbage collection ${share(gcMs, busyMs)}, native ${share(nativeMs, busyMs)}`,
    '',
    '         CPU    share  samples  span',
    ...spans
      .slice(0, rows)
      .map(
        ({ name, samples, cpuMs }) =>
          `  ${cpuMs.toFixed(1).padStart(7)} ms ${share(cpuMs, busyMs).padStart(8)} ${String(samples).padStart(8)}  ${column(name ?? '(no span)', 46).trimEnd()}`,
      ),
  ]
  if (spans.length > rows) lines.push(`  and ${spans.length - rows} more`)
  if (spans.every(({ name }) => name === null))
    lines.push(
      '',
      '  No sample is on a span: the program made none, or none that lasted. All is under',
      '  "unattributed" in the files.',
    )
  if (samples < 100) lines.push('', '  Fewer than 100 samples: take the shares as a hint.')
  if (lostSections > 0)
    lines.push(
      '',
      `  ${lostSections} changes of the active span were lost (more than 100,000 a second):`,
      '  the samples there are on no span.',
    )
  lines.push('', `  ${file}${suffixes.join(', ')}`, '')
  if (link !== undefined) lines.push('  Flame graph in the viewer:', `  ${link}`)
  else
    lines.push(
      '  Drop the first into https://www.speedscope.app (it stays on this machine), or',
      '  the second into the Performance panel of Chrome DevTools. For a flame graph of',
      '  each span start the sidecar (npx @tapescope/collector) and run this again.',
    )
  return `${lines.join('\n')}\n`
}
