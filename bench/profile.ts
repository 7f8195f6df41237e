/** npm run profile: samples the hot paths and draws their flame graphs. `--help` tells the rest. */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { inspectEnvironment } from './environment.ts'
import { type HotPath, hotPaths } from './profile/hot-path.ts'
import { compareRevisions, profilePath } from './profile/profile-path.ts'
import { currentRevision, git } from './revision.ts'
import { openWorktrees } from './worktree.ts'

const help = `npm run profile -- signal|backtest|pipeline|all [--seconds N] [--out DIR]
npm run profile -- signal|backtest|pipeline|all --base REV [--head REV]

  signal      signal generation over a million bars, in blocks and bar by bar
  backtest    wyckoff_all with closed trades, long and short, reports read
  pipeline    new bars stored, analysed, findings stored in a real PostgreSQL
  --seconds N how long each is sampled at 2 kHz, after 3 s of warm-up (30)
  --base REV  a differential flame graph: REV against --head (HEAD), each in
              a checkout of its own, in turn
  --out DIR   where the files go (out/profile)

Writes for each path a flame graph of CPU and one of allocation (SVG), the
profiles for speedscope, Chrome DevTools and editors, and a summary (JSON);
prints every function above 5 %. Exit code: 0, or 2 when a run failed.
`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '30' },
      base: { type: 'string' },
      head: { type: 'string', default: 'HEAD' },
      out: { type: 'string', default: 'out/profile' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return
  }
  const [wanted, ...more] = positionals
  const paths = wanted === 'all' ? hotPaths : hotPaths.filter((one) => one === wanted)
  if (paths.length === 0 || more.length > 0)
    throw new Error(`say what to profile: ${hotPaths.join(', ')} or all; --help tells the rest`)
  const seconds = Number(values.seconds)
  if (!(seconds >= 1 && seconds <= 600)) throw new Error(`--seconds is ${values.seconds}; give 1 to 600`)
  const repository = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
  const out = path.resolve(values.out)
  await mkdir(out, { recursive: true })
  const environment = await inspectEnvironment()
  for (const warning of environment.warnings) process.stderr.write(`warning: ${warning}\n`)
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)))
  const common = { seconds, out, environment, signal: stop.signal, tell }

  if (values.base === undefined) {
    const revision = await currentRevision(repository)
    for (const one of paths) print(await profilePath(one, { ...common, root: repository, revision }))
    return
  }
  const [base, head] = await Promise.all(
    [values.base, values.head].map((name) =>
      git(repository, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`]).catch(() => {
        throw new Error(`${name} names no commit of this repository`)
      }),
    ),
  )
  const trees = await openWorktrees(repository, { base, head }, stop.signal)
  try {
    for (const one of paths) print(await compareRevisions(one, { ...common, trees, base, head }))
  } finally {
    await trees.remove()
  }

  function tell(what: HotPath, doing: string): void {
    process.stderr.write(`${what}: ${doing}\n`)
  }
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n\n`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`profile: ${(error as Error).message}\n`)
  process.exitCode = 2
}
