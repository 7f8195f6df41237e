/** npm run gate: does head make a benchmark slower than base? `--help` tells the rest. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { compareRevisions } from './compare-revisions.ts'
import { selfTest } from './gate-self-test.ts'
import { exitCode } from './gate-result.ts'
import { gateReport } from './report-gate.ts'
import { gateComment } from './report-comment.ts'
import { gatePage } from './report-html.ts'
import { benchResult, readJson, writeJson } from './result.ts'
import { git } from './revision.ts'
import { openWorktrees } from './worktree.ts'

const help = `npm run gate -- --base REV [--head REV] [FILTER...]
npm run gate -- --self-test [--quick]

  --base REV     compared with the merge base of REV and head
  --head REV     default HEAD, whose working tree must then be clean
  FILTER         only benchmarks whose name contains one of these words
  --witness W    kernels that callgrind counts, too: changed (default), all, none
  --json FILE    the result
  --html FILE    a page with charts; --bench FILE (a result of npm run bench) adds budgets,
                 --history FILE, given repeatedly, oldest first, the course of earlier results
  --comment FILE a comment for the pull request, in Markdown
  --seed N       of the random order; default from the clock, printed
  --self-test    plants +10 % in 20 gate runs and counts verdicts; --quick: in one, which
                 ends with 3 where noise left a verdict open

Exit code: 0 pass, 1 regression, 3 too noisy to judge, 2 wrong usage or a fault: a benchmark
that base has and head does not (MISSING) or that gave no number (BROKEN) fails the gate with 2.
`

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => stop.abort(new Error(`stopped by ${name}`)))

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      base: { type: 'string' },
      head: { type: 'string' },
      witness: { type: 'string', default: 'changed' },
      json: { type: 'string' },
      html: { type: 'string' },
      comment: { type: 'string' },
      bench: { type: 'string' },
      history: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      'self-test': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  // Read before anything is measured: a result of another schema is an error now, not after an hour.
  const bench = values.bench === undefined ? undefined : await readJson(values.bench, benchResult)
  const history = await Promise.all(values.history.map((file) => readJson(file, benchResult)))
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed must be a whole number, not ${values.seed}`)
  if (values['self-test']) return runSelfTest(values.quick, seed, values.json)
  if (values.quick)
    throw new Error('--quick goes with --self-test only: a gate looks as often as its rule says')
  if (values.base === undefined)
    throw new Error('give --base REV, the revision to compare with, or --self-test')
  const { witness } = values
  if (witness !== 'changed' && witness !== 'all' && witness !== 'none')
    throw new Error(`--witness is changed, all or none, not ${witness}`)

  const repository = await git(process.cwd(), ['rev-parse', '--show-toplevel'])
  if (values.head === undefined && (await git(repository, ['status', '--porcelain'])) !== '')
    throw new Error(
      'the working tree has changes that no revision holds: commit or stash them, or give --head REV',
    )
  const head = await revision(repository, values.head ?? 'HEAD')
  const given = await revision(repository, values.base)
  const base = await git(repository, ['merge-base', given, head]).catch((error: Error) => {
    throw new Error(`${values.base} and ${values.head ?? 'HEAD'} have no common ancestor`, { cause: error })
  })
  const progress = process.stderr.isTTY
  const trees = await openWorktrees(repository, { base, head }, stop.signal)
  try {
    const result = await compareRevisions(trees, {
      base: { name: values.base, commit: base },
      head: { name: values.head ?? 'HEAD', commit: head },
      seed,
      filter: positionals,
      witness,
      signal: stop.signal,
      say: (line) => process.stderr.write(`${line}\n`),
      ...(progress
        ? {
            roundDone: ({ rounds, open }) => process.stderr.write(`\rround ${rounds}, ${open} open \u001b[K`),
          }
        : {}),
    })
    if (progress) process.stderr.write('\r\u001b[K')
    if (values.json !== undefined) await writeJson(values.json, result)
    if (values.html !== undefined) await writeFile(values.html, gatePage(result, bench, history))
    if (values.comment !== undefined) await writeFile(values.comment, gateComment(result))
    process.stdout.write(gateReport(result))
    return exitCode(result.verdict)
  } finally {
    await trees.remove()
  }
}

async function revision(repository: string, name: string): Promise<string> {
  return git(repository, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`]).catch((error: Error) => {
    throw new Error(`${name} is not a revision of this repository`, { cause: error })
  })
}

async function runSelfTest(quick: boolean, seed: number, json: string | undefined): Promise<number> {
  const result = await selfTest({
    runs: quick ? 1 : 20,
    slowdown: 0.1,
    seed,
    signal: stop.signal,
    say: (line) => process.stdout.write(`${line}\n`),
  })
  if (json !== undefined) await writeJson(json, result)
  // One run has no counts to hold against the goal: unless it was wrong, noise kept it from an answer.
  const undecided = !result.met && (result.runs.length === 0 || (quick && result.wrong === 0))
  const counts = (verdicts: object): string =>
    Object.entries(verdicts)
      .map(([verdict, count]) => `${count} ${verdict}`)
      .join(', ') || 'none'
  process.stdout.write(
    `planted +10 %: ${counts(result.planted)}\nunchanged: ${counts(result.unchanged)}\n` +
      `gate runs too noisy to judge: ${result.tooNoisy}; ${result.seconds.toFixed(0)} s, seed ${seed}\n` +
      `self-test ${result.met ? 'met' : undecided ? 'undecided: too noisy here to tell' : 'NOT met'}\n`,
  )
  if (result.met) return 0
  return undecided ? 3 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`gate: ${(error as Error).message}\n`)
  process.exitCode = 2
}
