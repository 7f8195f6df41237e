import { readFile } from 'node:fs/promises'
import { flameOfSamples, type FlameNode, type SampledProfile } from '../../collector/ui/model/flame-tree.ts'
import type { SampleKind, Sampled } from './sample-process.ts'

/**
 * The flame tree of one or several runs of the same path, summed, values per unit of work: ns of CPU of the main thread, or
 * bytes. Waiting is no work: idle samples are left out. Frames of different checkouts get the same places; without `lines`
 * functions that only moved within their file do, too.
 */
export async function readFlame(
  kind: SampleKind,
  runs: readonly { file: string; root: string; sampled: Sampled }[],
  { lines = true }: { lines?: boolean } = {},
): Promise<FlameNode> {
  const units = runs.reduce((sum, { sampled }) => sum + sampled.units, 0)
  const profiles: SampledProfile['profiles'][number][] = []
  const frames: SampledProfile['shared']['frames'][number][] = []
  for (const { file, root, sampled } of runs) {
    const extension = kind === 'cpu' ? 'speedscope.json' : 'heap.speedscope.json'
    const read = JSON.parse(await readFile(`${file}.${extension}`, 'utf8')) as SampledProfile
    const offset = frames.length
    frames.push(...read.shared.frames.map((frame) => placedIn(root, frame, lines)))
    // The first holds all samples; those by span repeat them.
    const { samples, weights } = read.profiles[0]
    const busy = samples.flatMap((stack, i) =>
      read.shared.frames[stack.at(-1) ?? -1]?.name === '(idle)' ? [] : [i],
    )
    const total = busy.reduce((sum, i) => sum + weights[i], 0)
    // A sample's weight is wall time, in which others may have had the core: the thread's CPU time is shared out by it.
    const scale = (kind === 'cpu' ? sampled.cpuNs / total : 1) / units
    profiles.push({
      samples: busy.map((i) => samples[i].map((frame) => frame + offset)),
      // `flameOfSamples` expects microseconds and gives milliseconds.
      weights: busy.map((i) => weights[i] * scale * 1000),
    })
  }
  const root = flameOfSamples({ name: kind, shared: { frames }, profiles })
  return { ...root, name: kind === 'cpu' ? 'CPU of the main thread' : 'allocated' }
}

type Frame = SampledProfile['shared']['frames'][number]

function placedIn(root: string, { name, file, line }: Frame, lines: boolean): Frame {
  if (file === undefined) return { name }
  const path = file.replace(/^file:\/\//, '')
  const placed = { name, file: path.startsWith(`${root}/`) ? path.slice(root.length) : path }
  return lines && line !== undefined ? { ...placed, line } : placed
}
