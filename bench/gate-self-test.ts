import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareRevisions } from './compare-revisions.ts'
import { formatInterval } from './format.ts'
import { isCompared, type GateResult, type Verdict } from './gate-result.ts'
import { git } from './revision.ts'
import { openWorktrees } from './worktree.ts'

interface SelfTestOptions {
  /** Whole gate runs that must be judged; each plants a slowdown in one of the kernels, in turn. */
  readonly runs: number
  readonly slowdown: number
  readonly seed: number
  readonly signal?: AbortSignal
  readonly say: (line: string) => void
}

interface SelfTestResult {
  /** Verdicts on the kernel with the planted slowdown, and on the three without. */
  readonly planted: Partial<Record<Verdict, number>>
  readonly unchanged: Partial<Record<Verdict, number>>
  /** Gate runs that the canary stopped: nothing was judged, they were repeated. */
  readonly tooNoisy: number
  readonly seconds: number
  readonly met: boolean
  /** A planted slowdown that passed or an unchanged kernel that failed: the gate was wrong, not undecided. */
  readonly wrong: number
  readonly runs: readonly { planted: string; result: GateResult }[]
}

const kernels = ['arithmetic', 'branches', 'objects', 'text'] as const
const bench = fileURLToPath(new URL('.', import.meta.url))
/** What `measure.ts` needs; the rest of the bench stays out of the repositories that are compared. */
const files = ['allocation', 'case', 'catalog', 'config', 'measure', 'runner', 'statistics']

/**
 * Proves the gate on itself: repositories with two commits, the second of which makes one kernel do `slowdown` more
 * work, go through the same worktrees, processes, rounds and rule as any comparison.
 * `met`: at least 95 % of the planted are REGRESSION, and every unchanged kernel passes.
 */
export async function selfTest(options: SelfTestOptions): Promise<SelfTestResult> {
  const { signal, say } = options
  const began = performance.now()
  const planted: Partial<Record<Verdict, number>> = {}
  const unchanged: Partial<Record<Verdict, number>> = {}
  const runs: { planted: string; result: GateResult }[] = []
  let tooNoisy = 0
  for (let attempt = 0; runs.length < options.runs && tooNoisy <= options.runs; attempt++) {
    const target = kernels[runs.length % kernels.length]
    const result = await oneRun(target, options, options.seed + attempt)
    if (result.verdict === 'TOO NOISY') {
      tooNoisy += 1
      say(`too noisy, to be repeated: the canary changed by ${formatInterval(result.canary.change)}`)
      continue
    }
    runs.push({ planted: target, result })
    for (const one of result.cases) {
      const counts = one.name === `self-test/${target}` ? planted : unchanged
      if (one.name.startsWith('self-test/')) counts[one.verdict] = (counts[one.verdict] ?? 0) + 1
    }
    say(`${runs.length}/${options.runs} planted in ${target}: ${result.cases.map(brief).join('; ')}`)
    signal?.throwIfAborted()
  }
  const judged = runs.length === options.runs
  const caught = planted.REGRESSION ?? 0
  return {
    planted,
    unchanged,
    tooNoisy,
    seconds: (performance.now() - began) / 1000,
    wrong: (planted.PASS ?? 0) + (planted.IMPROVED ?? 0) + (unchanged.REGRESSION ?? 0),
    met: judged && caught >= Math.ceil(options.runs * 0.95) && (unchanged.PASS ?? 0) === options.runs * 3,
    runs,
  }
}

function brief(one: GateResult['cases'][number]): string {
  const name = one.name.split('/')[1]
  return isCompared(one) ? `${name} ${one.verdict} ${formatInterval(one.change)}` : `${name} ${one.verdict}`
}

async function oneRun(
  target: (typeof kernels)[number],
  { slowdown, signal }: SelfTestOptions,
  seed: number,
): Promise<GateResult> {
  const repository = await mkdtemp(path.join(os.tmpdir(), 'tapescope-self-test-'))
  try {
    const base = await commitBase(repository)
    const head = await plant(repository, target, slowdown)
    const trees = await openWorktrees(repository, { base, head }, signal)
    try {
      return await compareRevisions(trees, {
        base: { name: 'unchanged', commit: base },
        head: { name: `${target} +${slowdown * 100} %`, commit: head },
        seed,
        filter: ['self-test/'],
        witness: 'none',
        ...(signal === undefined ? {} : { signal }),
      })
    } finally {
      await trees.remove()
    }
  } finally {
    await rm(repository, { recursive: true, force: true })
  }
}

async function commitBase(repository: string): Promise<string> {
  await git(repository, ['init', '--quiet'])
  await mkdir(path.join(repository, 'bench/cases'), { recursive: true })
  await writeFile(path.join(repository, 'package.json'), '{ "type": "module" }\n')
  const copies = files.map((name) => `${name}.ts`)
  for (const file of [...copies, 'cases/canary.ts'])
    await copyFile(path.join(bench, file), path.join(repository, 'bench', file))
  await copyFile(path.join(bench, 'self-test/self-test.ts'), path.join(repository, casesFile))
  return commit(repository, 'base')
}

const casesFile = 'bench/cases/self-test.ts'

async function plant(repository: string, target: string, slowdown: number): Promise<string> {
  const file = path.join(repository, casesFile)
  const before = await readFile(file, 'utf8')
  const after = before.replace(new RegExp(`\\b${target}: 0\\b`), `${target}: ${slowdown}`)
  if (after === before) throw new Error(`the self-test found no place to plant a slowdown in ${target}`)
  await writeFile(file, after)
  return commit(repository, `plant ${slowdown} in ${target}`)
}

async function commit(repository: string, message: string): Promise<string> {
  await git(repository, ['add', '--all'])
  const author = ['-c', 'user.name=gate', '-c', 'user.email=gate@localhost', '-c', 'commit.gpgsign=false']
  await git(repository, [...author, 'commit', '--quiet', '--no-verify', '-m', message])
  return git(repository, ['rev-parse', 'HEAD'])
}
