/**
 * The bare engine and a way to observe it, in turn in one process on the same bars, for `npm run bench:telemetry`:
 *   telemetry-turns.ts --work W --way X --bars N --seconds S   -> one JSON line: CPU per bar of each side
 *   telemetry-turns.ts --work W --way X --bars N --tail SIDE   -> for callgrind: warm up, then one run of SIDE (or none)
 * Both run the same compiled code, so what differs is what observing does more. What it makes of the compiler besides
 * is for fresh processes to tell (compare-cases.ts).
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { generateBars } from '@tapescope/engine'
import { config } from './config.ts'
import { ways, type Observation, type Work } from './pipeline-ways.ts'

/** CPU of the process per bar in ns; each figure is the mean of the two runs that a side has in a round of four. */
export interface Turns {
  readonly base: number[]
  readonly head: number[]
}

const warmupRounds = 2
const leastRounds = 3
/** Under callgrind a run takes a minute a million bars, so it is warmed up on shorter ones. */
const countedWarmup = { rounds: 4, bars: 100_000 }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const { values } = parseArgs({
  options: {
    work: { type: 'string', default: 'backtest' },
    way: { type: 'string', default: 'default' },
    bars: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(config.seed) },
    tail: { type: 'string' },
  },
})
const length = Number(values.bars)
let seed = Number(values.seed)
const base = await ways['none'].start(values.work as Work)
const head = await ways[values.way].start(values.work as Work)

/** Begins without anybody's garbage, and what it leaves is collected within its time. */
async function cpuNs(side: Observation, bars: Parameters<Observation['pass']>[0]): Promise<number> {
  const before = process.cpuUsage()
  await side.pass(bars)
  collect()
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
    const { bars } = generateBars({ seed: seed++, length })
    collect()
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

async function runTail(): Promise<void> {
  const warm = generateBars({ seed: seed++, length: countedWarmup.bars }).bars
  const { bars } = generateBars({ seed, length })
  for (let round = 0; round < countedWarmup.rounds; round++)
    for (const side of turns(round)) await side.pass(warm)
  if (values.tail === 'base') await base.pass(bars)
  if (values.tail === 'head') await head.pass(bars)
}

if (values.tail === undefined) process.stdout.write(`${JSON.stringify(await measure())}\n`)
else await runTail()
await head.close?.()
