import type { BenchCase, Rival, SetupContext, Work } from './case.ts'
import { ascending, median, quantile } from './statistics.ts'

/** What the runner is told; each value comes from `config` and is recorded with the result. */
interface RunnerOptions {
  readonly warmupRounds: number
  readonly measuredRounds: number
  readonly roundMs: number
  /** A warm-up round, apart from a measured one: compilers need their time however short one measures. */
  readonly warmupRoundMs: number
  readonly limitSeconds: number
}

/**
 * ns per unit over the single iterations, by the wall clock: the system's CPU time of a thread moves in steps of up
 * to a millisecond. On a shared machine p25 is what the work takes when nobody interrupts it.
 */
export interface Times {
  readonly iterations: number
  readonly mean: number
  readonly min: number
  readonly p25: number
  readonly p50: number
  readonly p75: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface Measurement {
  readonly units: number
  readonly warmupRounds: number
  readonly rounds: number
  /** True when the limit cut it short. */
  readonly limited: boolean
  readonly seconds: number
  readonly ns: Times
  /** CPU of the whole process (collector and compiler threads too) per unit, in ns. */
  readonly processCpuNs: number
  /** First iteration in this process: cold code, cold caches. */
  readonly coldNs: number
  readonly rivals: readonly RivalMeasurement[]
  /** What the case has to tell besides. */
  readonly notes: readonly string[]
}

interface RivalMeasurement {
  readonly name: string
  readonly ns: Times
  /** Median over the rounds of subject / rival: p25 of each round, per unit. */
  readonly ratio: number
}

interface Contender {
  readonly units: number
  readonly work: Work | Rival
  readonly timesItself: boolean
  readonly samples: number[]
  readonly roundQuartiles: number[]
  cpuMicroseconds: number
}

/**
 * Runs one case in this process: warm-up rounds, then measured rounds in which the subject and its rivals take
 * turns. Each iteration is timed alone. Stops after the round in which `limitSeconds` is passed.
 * Throws what the case throws, and when an iteration gives no finite time.
 */
export async function measure(
  benchCase: BenchCase,
  context: SetupContext,
  options: RunnerOptions,
): Promise<Measurement> {
  const work = await benchCase.setup(context)
  try {
    return await measureWork(work, context.rivals, options)
  } finally {
    await work.close?.()
  }
}

async function measureWork(work: Work, withRivals: boolean, options: RunnerOptions): Promise<Measurement> {
  const began = performance.now()
  const overLimit = (): boolean => performance.now() - began > options.limitSeconds * 1000
  const subject = contender(work, work.timesItself ?? false)
  const rivals = withRivals ? (work.rivals ?? []) : []
  const contenders = [subject, ...rivals.map((rival) => contender(rival, rival.timesItself ?? false))]

  let coldNs = Number.NaN
  for (let round = 0; round < options.warmupRounds; round++) {
    for (const one of contenders) await runRound(one, options.warmupRoundMs)
    if (round === 0) coldNs = subject.samples[0]!
  }
  await work.verify?.()
  for (const one of contenders) reset(one)

  let rounds = 0
  while (rounds < options.measuredRounds && !(rounds > 0 && overLimit())) {
    for (const one of contenders) await runRound(one, options.roundMs)
    rounds += 1
  }
  return {
    units: work.units,
    warmupRounds: options.warmupRounds,
    rounds,
    limited: rounds < options.measuredRounds,
    seconds: (performance.now() - began) / 1000,
    ns: times(subject.samples),
    processCpuNs: (subject.cpuMicroseconds * 1000) / (subject.samples.length * work.units),
    coldNs,
    notes: work.notes?.() ?? [],
    rivals: rivals.map((rival, index) => {
      const measured = contenders[index + 1]
      const ratios = subject.roundQuartiles.map((value, round) => value / measured.roundQuartiles[round])
      return { name: rival.name, ns: times(measured.samples), ratio: median(ratios) }
    }),
  }
}

function contender(work: Work | Rival, timesItself: boolean): Contender {
  return { units: work.units, work, timesItself, samples: [], roundQuartiles: [], cpuMicroseconds: 0 }
}

function reset(one: Contender): void {
  one.samples.length = 0
  one.roundQuartiles.length = 0
  one.cpuMicroseconds = 0
}

async function runRound(one: Contender, roundMs: number): Promise<void> {
  const { work, units } = one
  const first = one.samples.length
  let spentMs = 0
  do {
    await work.prepare?.()
    const cpuBefore = process.cpuUsage()
    const wallBefore = performance.now()
    let given = work.run()
    if (given instanceof Promise) given = await given
    const wallMs = performance.now() - wallBefore
    const cpu = process.cpuUsage(cpuBefore)
    one.cpuMicroseconds += cpu.user + cpu.system
    const ns = one.timesItself ? Number(given) : wallMs * 1e6
    if (!Number.isFinite(ns) || ns < 0) throw new Error(`an iteration gave ${ns} as its time`)
    one.samples.push(ns / units)
    spentMs += wallMs
  } while (spentMs < roundMs)
  one.roundQuartiles.push(quantile(ascending(one.samples.slice(first)), 0.25))
}

export function times(samples: readonly number[]): Times {
  const sorted = ascending(samples)
  return {
    iterations: sorted.length,
    mean: samples.reduce((sum, value) => sum + value, 0) / samples.length,
    min: quantile(sorted, 0),
    p25: quantile(sorted, 0.25),
    p50: quantile(sorted, 0.5),
    p75: quantile(sorted, 0.75),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  }
}
