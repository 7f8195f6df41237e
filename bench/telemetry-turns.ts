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

/** CPU of the process per bar in ns; each figure is the mean of the two runs that a side has in a round of four. */
export interface Turns {
  readonly base: number[]
  readonly head: number[]
}

/** After two the compilers still work, and more on the side that has more code. */
const warmupRounds = 5
const leastRounds = 3
/**
 * Threads of the collector go on after a run; the one that waits for its backend would pay for its garbage alone, and the
 * bare one would leave its own to the next.
 */
const settleMs = 50
/** Until the compilers are done; no collection is forced, as the code would not outlast it whole. */
const countedWarmupRounds = 5
/** Different series, taken in turn: more bars than a branch predictor learns by heart. */
const seriesCount = 3

setFlagsFromString('--expose-gc')
/**
 * Before each run, outside its time. Otherwise a full collection comes about every other run and takes a fifth of one: it
 * keeps falling to the same side, and a way differs from itself by 12 %.
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

async function cpuNs(side: Observation, bars: BarSeries): Promise<number> {
  collect()
  const before = process.cpuUsage()
  await side.pass(bars)
  await setTimeout(settleMs)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / bars.length
}

function turns(round: number): Observation[] {
  return round % 2 === 0 ? [base, head, head, base] : [head, base, base, head]
}

async function measure(): Promise<Turns> {
  const result: Turns = { base: [], head: [] }
  let spentMs = 0
  for (
    let round = 0;
    round < warmupRounds + leastRounds || spentMs < Number(values.seconds) * 1000;
    round++
  ) {
    const bars = series[round % seriesCount]
    const began = performance.now()
    const sums = new Map([base, head].map((side) => [side, 0]))
    for (const side of turns(round)) sums.set(side, sums.get(side)! + (await cpuNs(side, bars)) / 2)
    if (round < warmupRounds) continue
    spentMs += performance.now() - began
    result.base.push(sums.get(base)!)
    result.head.push(sums.get(head)!)
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
    for (const side of turns(round)) await side.pass(bars)
  for (const side of [base, head, head, base, base, head]) {
    await step(side === base ? 'base' : 'head')
    await side.pass(bars)
    await step('done')
  }
  process.stdin.destroy()
}

if (values.counted) await waitAtEachRun()
else process.stdout.write(`${JSON.stringify(await measure())}\n`)
await head.close?.()
