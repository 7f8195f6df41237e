import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { difference, selfTimes } from '../../collector/ui/model/flame-tree.ts'
import { run } from '../child.ts'
import type { Environment } from '../environment.ts'
import { formatNs, table } from '../format.ts'
import type { BenchResult } from '../result.ts'
import { writeJson } from '../result.ts'
import type { Worktrees } from '../worktree.ts'
import { flameSvg } from './flame-svg.ts'
import { functionShares, shareAbove } from './function-shares.ts'
import type { HotPath } from './hot-path.ts'
import { readFlame } from './read-flame.ts'
import type { SampleKind, Sampled } from './sample-process.ts'

const kinds = ['cpu', 'heap'] as const
const sampleFile = fileURLToPath(new URL('sample-process.ts', import.meta.url))
/** Each side of a comparison runs so often, in turn, so that a slow spell of the machine meets both. */
const turns = 3
const changesListed = 12

interface Common {
  readonly seconds: number
  readonly out: string
  readonly environment: Environment
  readonly signal: AbortSignal
  tell(path: HotPath, doing: string): void
}

const format: Readonly<Record<SampleKind, (value: number) => string>> = {
  cpu: (value) => (value < 0 ? `-${formatNs(-value)}` : formatNs(value)),
  heap: (value) => `${value.toFixed(Math.abs(value) < 100 ? 2 : 0)} B`,
}
const heading: Readonly<Record<SampleKind, string>> = {
  cpu: 'CPU time of the main thread',
  heap: 'allocation on the heap, collected or not',
}

/** Samples CPU and allocation of one path and writes all files of both. Answers with the tables, as lines. */
export async function profilePath(
  name: HotPath,
  options: Common & { readonly root: string; readonly revision: BenchResult['revision'] },
): Promise<string[]> {
  const { root, seconds, out, environment, signal, revision } = options
  const lines: string[] = []
  const summary: Record<string, unknown> = {}
  for (const kind of kinds) {
    options.tell(name, `${kind}, ${seconds} s`)
    const file = path.join(out, kind === 'cpu' ? `${name}-cpu` : name)
    const sampled = await sample({ name, kind, root, seconds, file, signal })
    const flame = await readFlame(kind, [{ file, root, sampled }])
    const about = `${sampled.proof}; per ${sampled.unit}; ${revision.commit.slice(0, 10)}${revision.dirty ? ' with changes' : ''}, ${environment.machineClass}, load ${environment.load}`
    const title = `${name}: ${heading[kind]}, ${format[kind](flame.value)} per ${sampled.unit}`
    await writeFile(
      path.join(out, `${name}-${kind}.svg`),
      flameSvg(flame, { title, about, format: format[kind] }),
    )
    const shares = functionShares(flame).filter(({ share }) => share > shareAbove)
    summary[kind] = { ...sampled, perUnit: flame.value, above5Percent: shares }
    lines.push(
      title,
      sampled.proof,
      ...table([
        ['function above 5 %', 'itself', 'share', 'with callees'],
        ...shares.map(({ name, place, self, share, totalShare }) => [
          place === undefined ? name : `${name} ${place}`,
          format[kind](self),
          percent(share),
          percent(totalShare),
        ]),
      ]),
      '',
    )
  }
  const createdAt = new Date().toISOString()
  await writeJson(path.join(out, `${name}.json`), { createdAt, revision, environment, ...summary })
  lines.push(`${path.relative(process.cwd(), out)}/${name}-cpu.svg and -heap.svg are the flame graphs`)
  return lines
}

/** Differential flame graphs of two checkouts. Answers with what changed most, as lines. */
export async function compareRevisions(
  name: HotPath,
  options: Common & { readonly trees: Worktrees; readonly base: string; readonly head: string },
): Promise<string[]> {
  const { trees, seconds, out, signal, base, head } = options
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-profile-'))
  const lines: string[] = []
  try {
    for (const kind of kinds) {
      const runs = { base: [], head: [] } as Record<
        'base' | 'head',
        Parameters<typeof readFlame>[1][number][]
      >
      for (let turn = 0; turn < turns; turn++) {
        for (const side of turn % 2 === 0 ? (['base', 'head'] as const) : (['head', 'base'] as const)) {
          options.tell(name, `${kind}, ${side}, turn ${turn + 1} of ${turns}`)
          const file = path.join(folder, `${side}-${turn}`)
          const root = trees[side]
          const sampled = await sample({ name, kind, root, seconds: seconds / turns, file, signal })
          runs[side].push({ file, root, sampled })
        }
      }
      const comparing = { lines: false }
      const before = await readFlame(kind, runs.base, comparing)
      const after = await readFlame(kind, runs.head, comparing)
      const flame = difference(before, after)
      const { unit } = runs.head[0].sampled
      const [was, is] = [before.value, after.value].map(format[kind])
      const title = `${name}: ${heading[kind]}, ${was} to ${is} per ${unit}`
      const about = `${base.slice(0, 10)} to ${head.slice(0, 10)}, ${options.environment.machineClass}, load ${options.environment.load}`
      const file = path.join(out, `${name}-${kind}-diff.svg`)
      await writeFile(file, flameSvg(flame, { title, about, format: format[kind] }))
      lines.push(
        title,
        ...table([
          ['changed most, itself', 'before', 'after', 'change'],
          ...selfTimes(flame)
            .slice(0, changesListed)
            .map(({ name, place, self, selfWas }) => [
              place === undefined ? name : `${name} ${place}`,
              format[kind](selfWas),
              format[kind](self),
              `${self < selfWas ? '' : '+'}${format[kind](self - selfWas)}`,
            ]),
        ]),
        path.relative(process.cwd(), file),
        '',
      )
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return lines
}

async function sample(options: {
  name: HotPath
  kind: SampleKind
  root: string
  seconds: number
  file: string
  signal: AbortSignal
}): Promise<Sampled> {
  const { name, kind, root, seconds, file, signal } = options
  const args = ['--path', name, '--kind', kind, '--root', root, '--seconds', String(seconds), '--file', file]
  const output = await run(process.execPath, [sampleFile, ...args], {
    timeoutSeconds: seconds + 120,
    signal,
  })
  return JSON.parse(output) as Sampled
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
