/** npm run load: puts the service under load and says whether it holds. `--help` tells the rest. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../../service/start-error.ts'
import { inspectEnvironment } from '../environment.ts'
import { currentRevision } from '../revision.ts'
import { burstCheck } from './burst-check.ts'
import { CallRecord } from './call-record.ts'
import { explainSlowCalls } from './explain-slow-calls.ts'
import { followJobs } from './follow-jobs.ts'
import { exitCodes, judge, type Observed } from './judge.ts'
import { progressLine, showProgress } from './live-progress.ts'
import { type LoadOptions, loadUsage, readLoadOptions, UsageError } from './load-options.ts'
import { type ExplainedCall, type LoadResult, loadSchemaName, rateOf } from './load-result.ts'
import { loadReport } from './report-console.ts'
import { routesCsv, timelineCsv } from './report-csv.ts'
import { loadPage } from './report-page.ts'
import { type GeneratedRun, runGenerator } from './run-generator.ts'
import { criteriaOf, type LoadPlan, rampSeconds, stressCores } from './scenarios.ts'
import { checkTarget, seedService, seriesCount, type Target, TargetError } from './seed-service.ts'
import { type ServiceStack, startServiceStack } from './service-stack.ts'
import { watchService } from './watch-service.ts'

const root = dirname(dirname(import.meta.dirname))
/** A chart has at most so many points, a second apart or more. */
const chartPoints = 100
/** Jobs that were accepted last have so long to end. */
const jobPatienceMs = 120_000
/** A batch of spans leaves the service after 5 s at the latest. */
const tracePatienceMs = 10_000
/** Seconds of nothing but errors of the connection after which a service of somebody else's counts as gone. */
const goneSeconds = 5

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stop.abort(new Error(`stopped by ${name}`)))
const progress = showProgress(process.stderr)
const notice = (message: string): void => {
  progress.done()
  process.stderr.write(`${message}\n`)
}

async function main(): Promise<number> {
  const options = readLoadOptions(process.argv.slice(2))
  if (options === null) {
    process.stdout.write(loadUsage)
    return 0
  }
  const environment = await inspectEnvironment()
  for (const warning of environment.warnings) notice(`warning: ${warning}`)
  let stack: ServiceStack | undefined
  try {
    if (options.target === null) {
      progress.show('starting the database, the sidecar and the service...')
      const folder =
        options.data === null ? join(root, '.tapescope', 'load') : resolve(callerFolder(), options.data)
      stack = await startServiceStack({ root, folder, onNotice: notice, signal: stop.signal })
    }
    const target: Target = stack ?? options.target!
    const viewer = stack?.viewer ?? options.target?.viewer ?? null
    const bars = stack !== undefined || options.seedTarget ? await seed(target, options) : null
    progress.show(`looking for the bars of ${seriesCount} series...`)
    await checkTarget(target, stop.signal)
    const result = await underLoad({ options, target, viewer, stack, bars, environment })
    const folder = await writeReports(result, options)
    if (stack?.ended.aborted) await copyFile(stack.logFile, join(folder, 'service.log'))
    progress.done()
    process.stdout.write(`${loadReport(result)}report: ${join(folder, 'report.html')}\n`)
    if (options.keep && stack !== undefined && !stop.signal.aborted && !stack.ended.aborted) {
      process.stdout.write(`service ${stack.url}, viewer ${stack.viewer}; Ctrl-C stops them.\n`)
      await aborted(AbortSignal.any([stop.signal, stack.ended]))
    }
    return exitCodes[result.verdict.kind]
  } finally {
    progress.done()
    await stack?.stop()
  }
}

async function seed(target: Target, { seed }: LoadOptions): Promise<number> {
  return seedService(
    target,
    seed,
    (done, bars) => progress.show(`storing bars: ${done} of ${seriesCount} series, ${bars} bars`),
    stop.signal,
  )
}

interface LoadedService {
  options: LoadOptions
  target: Target
  viewer: string | null
  stack: ServiceStack | undefined
  bars: number | null
  environment: LoadResult['environment']
}

async function underLoad(loaded: LoadedService): Promise<LoadResult> {
  const { options, target, viewer, stack, bars, environment } = loaded
  const { scenario, shape, scale } = options
  const plan = planOf(options, target)
  const follower = followJobs(target)
  const watch = watchService(target)
  const gone = new AbortController()
  const ended = AbortSignal.any([gone.signal, ...(stack === undefined ? [] : [stack.ended])])
  let silentSeconds = 0
  const createdAt = new Date().toISOString()
  const run = await runGenerator({
    plan,
    signal: AbortSignal.any([stop.signal, ended]),
    onAccepted: (runId) => follower.follow(runId),
    onWindow(window, { figures }) {
      progress.show(progressLine(scenario, plan.seconds, window, figures.failed))
      const silent = window.answered > 0 && window.failed === window.answered
      silentSeconds =
        silent && figures.failures.some(({ reason }) => /^E[A-Z]+$/.test(reason))
          ? silentSeconds + window.length
          : 0
      if (silentSeconds >= goneSeconds) gone.abort(new Error(`${target.url} no longer takes connections`))
    },
  })
  const isCut = stop.signal.aborted || ended.aborted || run.broken !== null
  if (!isCut) progress.show('waiting for the accepted backtests that are followed...')
  const jobs = await follower.finish(isCut ? 0 : jobPatienceMs, AbortSignal.any([stop.signal, ended]))
  if (!isCut && options.burst) progress.show('100 generate calls at once...')
  const burst =
    isCut || !options.burst || stop.signal.aborted ? null : await burstCheck(target, plan.timeoutMs)
  const service = await watch.stop()
  const { figures, health, slowest } = run.state ?? {
    figures: new CallRecord().figures(),
    health: { cpuShare: 0, loopP99: 0, loopMax: 0, priorityRaised: false },
    slowest: [],
  }
  const explained = await explain(() => explainSlowCalls(slowest, target, ended.aborted ? null : viewer))
  const perSecond = {
    overall: rateOf(run.windows, 0, run.seconds),
    steady: rateOf(run.windows, rampSeconds(plan), plan.seconds),
  }
  const { url: _url, key: _key, ...told } = plan
  return {
    schema: loadSchemaName,
    createdAt,
    revision: await currentRevision(root),
    environment,
    loadAfter: Math.round(os.loadavg()[0] * 100) / 100,
    scenario,
    scale,
    plan: told,
    target: { url: target.url, own: stack !== undefined, viewer },
    bars,
    seconds: run.seconds,
    verdict: judge({
      criteria: { ...criteriaOf(scenario), ...(options.arrivals !== null && { perSecond: null }) },
      judged: !(scenario === 'stress' && environment.cores < stressCores),
      figures,
      generator: health,
      // A short run is mostly its beginning; a whole one is judged as a whole.
      perSecond: scale < 1 ? perSecond.steady : perSecond.overall,
      jobs: isCut ? null : jobs,
      burst,
      cut: cutOf(run, ended, shape.seconds),
    }),
    perSecond,
    figures,
    generator: health,
    windows: run.windows,
    jobs: jobs.followed === 0 ? null : jobs,
    burst,
    service,
    slowest: explained,
  }
}

function planOf({ shape, arrivals, seed }: LoadOptions, target: Target): LoadPlan {
  const { users, spawnPerSecond, seconds, userClass } = shape
  return {
    url: target.url,
    key: target.key,
    userClass,
    seconds,
    load:
      arrivals === null
        ? { kind: 'users', users, spawnPerSecond }
        : { kind: 'arrivals', perSecond: arrivals },
    seed,
    windowSeconds: Math.max(1, Math.ceil(seconds / chartPoints)),
    timeoutMs: 30_000,
    followOneIn: 10,
    slowest: 3,
  }
}

function cutOf(run: GeneratedRun, ended: AbortSignal, plannedSeconds: number): Observed['cut'] {
  const when = `after ${run.seconds.toFixed(1)} of ${plannedSeconds.toFixed(0)} s`
  if (ended.aborted) return { by: 'service', sentence: `${when} ${(ended.reason as Error).message}` }
  if (stop.signal.aborted)
    return { by: 'person', sentence: `${(stop.signal.reason as Error).message} ${when}` }
  return run.broken === null ? null : { by: 'generator', sentence: `${run.broken}, ${when}` }
}

/** Spans come in batches: what is not there yet is looked for again. */
async function explain(look: () => Promise<ExplainedCall[]>): Promise<ExplainedCall[]> {
  progress.show('looking for the traces of the slowest calls...')
  const deadline = performance.now() + tracePatienceMs
  for (;;) {
    const explained = await look()
    const missing = explained.some(({ traceId, traceUrl }) => traceId !== null && traceUrl === null)
    if (!missing || stop.signal.aborted || performance.now() > deadline) return explained
    await sleep(1_000)
  }
}

async function writeReports(result: LoadResult, { out }: LoadOptions): Promise<string> {
  const time = result.createdAt.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
  const folder =
    out === null ? join(root, 'out', 'load', `${result.scenario}-${time}`) : resolve(callerFolder(), out)
  await mkdir(folder, { recursive: true })
  await Promise.all([
    writeFile(join(folder, 'report.json'), `${JSON.stringify(result)}\n`),
    writeFile(join(folder, 'report.html'), loadPage(result)),
    writeFile(join(folder, 'routes.csv'), routesCsv(result)),
    writeFile(join(folder, 'timeline.csv'), timelineCsv(result)),
  ])
  return folder
}

/** npm changes into the root; a path of the caller's is meant from where they are. */
function callerFolder(): string {
  return process.env['INIT_CWD'] ?? process.cwd()
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

let exitCode = 2
try {
  exitCode = await main()
} catch (error) {
  progress.done()
  if (stop.signal.aborted) {
    process.stderr.write('load: stopped before the run began; there is nothing to report.\n')
    exitCode = exitCodes.INTERRUPTED
  } else if (error instanceof UsageError) {
    process.stderr.write(`load: ${error.message}. All options: npm run load -- --help\n`)
  } else if (error instanceof TargetError || error instanceof StartError) {
    process.stderr.write(`load: ${error.message}\n`)
  } else throw error
}
process.exit(exitCode)
