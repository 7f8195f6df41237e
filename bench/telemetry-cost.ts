/** npm run bench:telemetry: what observing the pipeline costs. `--help` tells the rest. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { hasValgrind } from './callgrind.ts'
import { compareCases } from './compare-cases.ts'
import { compareTurns, type ComparedTurns } from './compare-turns.ts'
import { countTurns, type CountedTurns } from './count-turns.ts'
import { inspectEnvironment } from './environment.ts'
import { formatInterval, formatNs, table } from './format.ts'
import { ways, works, type Work } from './pipeline-ways.ts'
import type { MedianInterval } from './statistics.ts'

/** What has a limit, and what plain OpenTelemetry costs beside it. */
const usual = ['default', 'full', 'opentelemetry-histogram', 'opentelemetry-spans']

const help = `npm run bench:telemetry -- [WORK...] [WAY...] [--processes N] [--seconds N]
                           [--apart N] [--instructions] [--json FILE]

  What it costs to observe a run of a million bars, against the bare engine, in
  CPU time: what is observed is also sent within that time. Beside it what plain
  OpenTelemetry costs on the same loop, of 100,000 bars.
  WORK: ${works.join(', ')}; by default backtest
  WAY:  ${Object.keys(ways).slice(1, 5).join(', ')},
        ${Object.keys(ways).slice(5).join(', ')};
        by default ${usual.slice(0, 2).join(', ')} and both of the last line

  in turn         both in one process on the same bars, pair by pair in random
                  order; a process gives one figure, the Hodges-Lehmann estimate
                  of its pairs; the table the exact 95 % signed-rank interval
                  over fresh processes; --json also that of the engine's thread
  apart           each alone in fresh processes, paired in rounds: also sees
                  what observing makes of the compiler, but little else below
                  some percent

  --processes N   processes in which both take turns; default 12, at least 6
  --seconds N     how long each of them measures; default 8
  --apart N       rounds of processes apart; default 0, none, else at least 6
  --instructions  also counts with callgrind the instructions of code made of
                  JavaScript, of 200,000 bars, so that what a run costs once
                  weighs five times; minutes for each way
  --json FILE     all of it

Exit code: 0 within the limits or not decided, 1 over a limit, 2 wrong usage or
a process that broke.
`

/** What a way may cost at most, as a fraction of the bare run. The others are published beside it. */
const limits: Readonly<Record<string, number>> = { default: 0.01, full: 0.02 }
const million = 1_000_000
/** Fewer give no interval. */
const leastProcesses = 6

interface Compared {
  readonly way: string
  readonly turns: ComparedTurns
  readonly apart: MedianInterval | undefined
  readonly counted: CountedTurns | undefined
}

interface Options {
  readonly processes: number
  readonly seconds: number
  readonly apart: number
  readonly instructions: boolean
}

async function compare(work: Work, chosen: readonly string[], options: Options): Promise<Compared[]> {
  const { processes, seconds, apart, instructions } = options
  const progress = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${work}: ${text}`)
  }
  const turns = new Map<string, ComparedTurns>()
  // A million bars of plain OpenTelemetry take ten seconds; three rounds of a tenth tell as much.
  for (const way of chosen) {
    const size = !way.startsWith('opentelemetry')
      ? { bars: million, seconds }
      : { bars: million / 10, seconds: 0 }
    turns.set(way, await compareTurns(work, way, { ...size, processes, progress }))
  }
  const names = ['none', ...chosen.filter((way) => way in limits)].map((way) => `sdk-pipeline/${work}-${way}`)
  const cases = apart === 0 ? [] : await compareCases(names, { rounds: apart, progress })
  const compared: Compared[] = []
  for (const [way, turn] of turns) {
    const counting = instructions && !way.startsWith('opentelemetry')
    if (counting) progress(`counting the instructions of ${way}`)
    compared.push({
      way,
      turns: turn,
      apart: cases.find(({ name }) => name === `sdk-pipeline/${work}-${way}`)?.cpu,
      counted: counting ? await countTurns(work, way, million / 5) : undefined,
    })
  }
  progress('')
  return compared
}

function verdict({ way, turns, apart }: Compared): string {
  const limit = limits[way]
  if (limit === undefined) return ''
  if (turns.change.lower > limit || (apart?.lower ?? 0) > limit) return 'OVER'
  return turns.change.upper <= limit ? 'ok' : 'open'
}

function report(work: Work, compared: readonly Compared[]): string[] {
  const rows = [[work, 'bare', 'observed', 'in turn', 'limit', '', 'apart', 'instr.']]
  for (const one of compared) {
    const { way, turns, apart, counted } = one
    rows.push([
      way,
      formatNs(turns.bareNs),
      formatNs(turns.cpuNs),
      formatInterval(turns.change),
      way in limits ? `${limits[way] * 100} %` : '',
      verdict(one),
      apart === undefined ? '' : formatInterval(apart),
      counted === undefined ? '' : `x ${(counted.head.script / counted.base.script).toFixed(4)}`,
    ])
  }
  const used = rows[0].map((_, column) => column === 0 || rows.slice(1).some((row) => row[column] !== ''))
  return table(rows.map((row) => row.filter((_, column) => used[column])))
}

function countOf(name: string, text: string, least: number, orNone = false): number {
  const count = Number(text)
  if (Number.isInteger(count) && (count >= least || (orNone && count === 0))) return count
  throw new Error(`--${name}: give a whole number of at least ${least}${orNone ? ', or 0' : ''}`)
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      processes: { type: 'string', default: '12' },
      seconds: { type: 'string', default: '8' },
      apart: { type: 'string', default: '0' },
      instructions: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const options = {
    processes: countOf('processes', values.processes, leastProcesses),
    seconds: countOf('seconds', values.seconds, 1),
    apart: countOf('apart', values.apart, 6, true),
    instructions: values.instructions,
  }
  const known: readonly string[] = [...works, ...Object.keys(ways).slice(1)]
  const unknown = positionals.find((word) => !known.includes(word))
  if (unknown !== undefined) throw new Error(`nothing is named ${unknown}; there are: ${known.join(', ')}`)
  if (values.instructions && !(await hasValgrind()))
    throw new Error('--instructions needs valgrind on the PATH')
  const asked = (all: readonly string[], otherwise: readonly string[]): readonly string[] => {
    const some = all.filter((word) => positionals.includes(word))
    return some.length === 0 ? otherwise : some
  }

  const environment = await inspectEnvironment()
  for (const warning of environment.warnings) process.stderr.write(`warning: ${warning}\n`)
  const results: Record<string, readonly Compared[]> = {}
  for (const work of asked(works, ['backtest']) as Work[]) {
    results[work] = await compare(work, asked(Object.keys(ways).slice(1), usual), options)
    process.stdout.write(`${report(work, results[work]).join('\n')}\n\n`)
  }
  process.stdout.write(
    `CPU per bar; ${options.processes} processes in turn, ${leastProcesses} for plain OpenTelemetry, ${options.apart} rounds apart\n${environment.machineClass}, Node ${environment.node}, load ${environment.load.toFixed(2)}\n`,
  )
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ environment, options, results }, undefined, 2)}\n`)
  return Object.values(results).flat().map(verdict).includes('OVER') ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench:telemetry: ${(error as Error).message}\n`)
  process.exitCode = 2
}
