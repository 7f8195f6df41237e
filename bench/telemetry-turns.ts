/**
 * The bare engine and a way to observe it, in turn in one process on the same bars, for `npm run bench:telemetry`:
 *   telemetry-turns.ts --work W --way X --bars N --seconds S   -> one JSON line: CPU per bar of each side
 *   telemetry-turns.ts --work W --way X --bars N --counted     -> for callgrind: one line per run, which waits for one
 * Both run the same compiled code, so what differs is what observing does more. What it makes of the compiler besides
 * is for fresh processes to tell (compare-cases.ts).
 */
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { generateBars, type BarSeries } from '@tapescope/engine'
import { config } from './config.ts'
import { ways, type Observation, type Work } from './pipeline-ways.ts'
import { seededRandom, shuffled } from './statistics.ts'

/** CPU per bar in ns, an entry for each pair of runs: of the whole process, and of the thread that runs the engine. */
export interface Turns {
  readonly base: number[]
  readonly head: number[]
  readonly baseThread: number[]
  readonly headThread: number[]
}

/** After four million bars of each the compilers still work, and more on the side that has more code. */
const warmupPairs = 6
const leastPairs = 6
/** Threads of the collector go on after a collection, and those of the compiler after a run; each pays for its own. */
const settleMs = 15
/** Until the compilers are done; no collection is forced, as the code would not outlast it whole. */
const countedWarmupRounds = 5
/** Different series, taken in turn: more bars than a branch predictor learns by heart. */
const seriesCount = 3

setFlagsFromString('--expose-gc')
/**
 * Before each run, outside its time. Otherwise a full collection comes about every other run and takes a fifth of one: it
 * keeps falling to the same side, and a way differs from itself by 12 %. The process is started without incremental
 * marking for the same reason: V8 begins to mark when the run is over and the loop turns, so that who waits for its
 * backend pays for all of it, and the other one for as much as fits before the clock is read.
 */
const collect = runInNewContext('gc') as () => void

const { values } = parseArgs({
  options: {
    work: { type: 'string', default: 'backtest' },
    way: { type: 'string', default: 'default' },
    bars: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(config.seed) },
    counted: { type: 'boolean', default: false },
  },
})
const length = Number(values.bars)
const series = Array.from(
  { length: values.counted ? 1 : seriesCount },
  (_, i) => generateBars({ seed: Number(values.seed) + i, length }).bars,
)
const base = await ways['none'].start(values.work as Work)
const head = await ways[values.way].start(values.work as Work)

const cpuOf = ({ user, system }: NodeJS.CpuUsage, bars: BarSeries): number =>
  ((user + system) * 1000) / bars.length

async function cpuNs(side: Observation, bars: BarSeries): Promise<{ process: number; thread: number }> {
  collect()
  await setTimeout(settleMs)
  const before = process.cpuUsage()
  const threadBefore = process.threadCpuUsage()
  await side.pass(bars)
  await setTimeout(settleMs)
  return {
    process: cpuOf(process.cpuUsage(before), bars),
    thread: cpuOf(process.threadCpuUsage(threadBefore), bars),
  }
}

async function measure(): Promise<Turns> {
  const random = seededRandom(Number(values.seed))
  const result: Turns = { base: [], head: [], baseThread: [], headThread: [] }
  let spentMs = 0
  for (let pair = 0; pair < warmupPairs + leastPairs || spentMs < Number(values.seconds) * 1000; pair++) {
    const bars = series[pair % seriesCount]
    const began = performance.now()
    for (const side of shuffled([base, head], random)) {
      const cpu = await cpuNs(side, bars)
      if (pair < warmupPairs) continue
      result[side === base ? 'base' : 'head'].push(cpu.process)
      result[side === base ? 'baseThread' : 'headThread'].push(cpu.thread)
    }
    if (pair >= warmupPairs) spentMs += performance.now() - began
  }
  return result
}

/** Writes a line before and after each run and waits for one, so that somebody can switch the counting. */
async function waitAtEachRun(): Promise<void> {
  const step = async (word: string): Promise<void> => {
    process.stdout.write(`${word}\n`)
    await once(process.stdin, 'data')
  }
  const [bars] = series
  for (let round = 0; round < countedWarmupRounds; round++)
    for (const side of [base, head, head, base]) await side.pass(bars)
  for (const side of [base, head, head, base, base, head, head, base]) {
    await step(side === base ? 'base' : 'head')
    await side.pass(bars)
    await step('done')
  }
  process.stdin.destroy()
}

if (values.counted) await waitAtEachRun()
else process.stdout.write(`${JSON.stringify(await measure())}\n`)
await head.close?.()
