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

export interface SpeedscopeProfile {
  type: 'sampled'
  name: string
  unit: 'microseconds' | 'bytes'
  startValue: number
  endValue: number
  samples: number[][]
  weights: number[]
}

/**
 * Weighted sampled profiles: all samples first, then one profile per span name with its own samples (most time
 * first, `limit` of them), then what no span could be credited with.
 */
export function toSpeedscope(document: ProfileDocument, limit = 50): SpeedscopeFile {
  const names = document.spans.map((span) => span.name)
  const weightOf = new Map<string, number>()
  for (const [i, span] of document.samples.span.entries()) {
    const name = names[span]
    if (name !== undefined)
      weightOf.set(name, (weightOf.get(name) ?? 0) + (document.samples.weightUs[i] ?? 0))
  }
  const ranked = [...weightOf].sort((a, b) => b[1] - a[1]).slice(0, limit)
  const profiles = [profileOf(document, 'all samples', () => true)]
  for (const [name] of ranked) profiles.push(profileOf(document, name, (span) => names[span] === name))
  if (document.samples.span.includes(-1)) {
    profiles.push(profileOf(document, 'unattributed', (span) => span === -1))
  }
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
  wanted: (span: number) => boolean,
): SpeedscopeProfile {
  const paths = new Map<number, number[]>()
  const kept: number[][] = []
  const weights: number[] = []
  let endValue = 0
  for (const [i, stack] of samples.stack.entries()) {
    if (!wanted(samples.span[i] ?? -1)) continue
    let path = paths.get(stack)
    if (!path) paths.set(stack, (path = framesOf(stacks, stack)))
    kept.push(path)
    const weight = samples.weightUs[i] ?? 0
    weights.push(weight)
    endValue += weight
  }
  return { type: 'sampled', name, unit: 'microseconds', startValue: 0, endValue, samples: kept, weights }
}

/** Positions of the frames of a stack, outermost first. */
export function framesOf(stacks: ProfileDocument['stacks'], stack: number): number[] {
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
