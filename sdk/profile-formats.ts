import type { ProfileDocument, ProfileFrame } from './profile-document.ts'

/** https://www.speedscope.app/file-format-schema.json, as far as it is written here. */
export interface SpeedscopeFile {
  $schema: 'https://www.speedscope.app/file-format-schema.json'
  exporter: string
  name: string
  activeProfileIndex: number
  shared: { frames: ProfileFrame[] }
  profiles: SpeedscopeProfile[]
}

interface SpeedscopeProfile {
  type: 'sampled'
  name: string
  unit: 'microseconds' | 'bytes'
  startValue: number
  endValue: number
  samples: number[][]
  weights: number[]
}

/** Most numbers that the stacks of one profile may take; past it equal stacks are joined and their order is lost. */
const mostCells = 2_000_000

/**
 * Weighted sampled profiles: all samples first, then one profile per span name with its own samples (most time
 * first, `limit` of them), then what no span could be credited with.
 */
export function toSpeedscope(document: ProfileDocument, limit = 50): SpeedscopeFile {
  const { samples, spans } = document
  const byName = new Map<string | undefined, { rows: number[]; weight: number }>()
  for (const [i, span] of samples.span.entries()) {
    const name = spans[span]?.name
    const group = byName.get(name) ?? { rows: [], weight: 0 }
    byName.set(name, group)
    group.rows.push(i)
    group.weight += samples.weightUs[i]
  }
  const none = byName.get(undefined)
  byName.delete(undefined)
  const ranked = [...byName].sort(([, a], [, b]) => b.weight - a.weight).slice(0, limit)
  const profiles = [
    profileOf(document, 'all samples', [...samples.stack.keys()]),
    ...ranked.map(([name, { rows }]) => profileOf(document, name ?? '', rows)),
  ]
  if (none) profiles.push(profileOf(document, 'unattributed', none.rows))
  return speedscopeFile(document.service, document.frames, profiles)
}

export function speedscopeFile(
  name: string,
  frames: ProfileFrame[],
  profiles: SpeedscopeProfile[],
): SpeedscopeFile {
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    exporter: 'tapescope',
    name,
    activeProfileIndex: 0,
    shared: { frames },
    profiles,
  }
}

function profileOf(
  { samples, stacks }: ProfileDocument,
  name: string,
  rows: readonly number[],
): SpeedscopeProfile {
  const paths = new Map<number, { path: number[]; weight: number }>()
  let kept: number[][] = []
  let weights: number[] = []
  let endValue = 0
  let cells = 0
  for (const i of rows) {
    const stack = samples.stack[i]
    const known = paths.get(stack) ?? { path: framesOf(stacks, stack), weight: 0 }
    paths.set(stack, known)
    const weight = samples.weightUs[i]
    known.weight += weight
    endValue += weight
    cells += known.path.length
    if (cells > mostCells) continue
    kept.push(known.path)
    weights.push(weight)
  }
  if (cells > mostCells) {
    kept = [...paths.values()].map(({ path }) => path)
    weights = [...paths.values()].map((one) => one.weight)
  }
  return { type: 'sampled', name, unit: 'microseconds', startValue: 0, endValue, samples: kept, weights }
}

/** Positions of the frames of a stack, outermost first. */
function framesOf(stacks: ProfileDocument['stacks'], stack: number): number[] {
  const path: number[] = []
  for (let i = stack; i >= 0; i = stacks.parent[i] ?? -1) path.push(stacks.frame[i] ?? 0)
  return path.reverse()
}

/** V8's own format, of all samples: Chrome DevTools and editors open it. Times are microseconds. */
export function toCpuProfile(document: ProfileDocument): Record<string, unknown> {
  const { samples, stacks, frames } = document
  const children: number[][] = Array.from({ length: stacks.parent.length + 1 }, () => [])
  for (const [i, parent] of stacks.parent.entries()) children[parent + 1]?.push(i + 2)
  const callFrame = (frame: ProfileFrame | undefined) => ({
    functionName: frame?.name ?? '(root)',
    scriptId: '0',
    url: frame?.file ?? '',
    lineNumber: (frame?.line ?? 0) - 1,
    columnNumber: (frame?.col ?? 0) - 1,
  })
  const nodes = [undefined, ...stacks.frame].map((frame, i) => ({
    id: i + 1,
    callFrame: callFrame(frame === undefined ? undefined : frames[frame]),
    children: children[i],
  }))
  return {
    nodes,
    startTime: 0,
    endTime: samples.timeUs.at(-1) ?? 0,
    samples: samples.stack.map((stack) => stack + 2),
    timeDeltas: samples.timeUs.map((at, i) => at - (samples.timeUs[i - 1] ?? 0)),
  }
}
