/** npm run bench:telemetry: what observing the pipeline costs, across fresh processes. `--help` tells the rest. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { hasValgrind } from './callgrind.ts'
import { compareCases, type ComparedCase } from './compare-cases.ts'
import { inspectEnvironment } from './environment.ts'
import { formatInterval, formatNs, table } from './format.ts'

const help = `npm run bench:telemetry -- [backtest|signals...] [--rounds N] [--instructions] [--json FILE]

  Each way to observe a run of a million bars (bench/cases/sdk-pipeline.ts)
  against the bare engine: CPU time of fresh processes, paired in rounds, with
  the exact 95 % interval of the median change.

  --rounds N      fresh processes of each way; default 20, at least 6
  --instructions  also counts instructions with callgrind, minutes for each way
  --json FILE     all samples

Exit code: 0 within the limits or not decided, 1 over a limit, 2 wrong usage or
a case that broke.
`

/** What a way may cost at most, as a fraction of the bare run. The others are published beside it. */
const limits: Readonly<Record<string, number>> = { default: 0.01, full: 0.02 }
const ways = ['none', 'default', 'full', 'opentelemetry-histogram', 'opentelemetry-spans']
const works = ['backtest', 'signals']

function verdict(way: string, { cpu }: ComparedCase): string {
  const limit = limits[way]
  if (limit === undefined) return ''
  if (cpu.upper <= limit) return 'ok'
  return cpu.lower > limit ? 'OVER' : 'open'
}

function report(work: string, compared: readonly ComparedCase[]): string[] {
  const base = compared[0].instructions
  const rows = [[work, 'CPU/bar', 'change of CPU', 'limit', '', 'instructions']]
  for (const [i, one] of compared.entries()) {
    const way = ways[i]
    const limit = limits[way]
    rows.push([
      way,
      formatNs(one.cpuNs),
      i === 0 ? '' : formatInterval(one.cpu),
      limit === undefined ? '' : `+${limit * 100} %`,
      verdict(way, one),
      one.instructions === undefined || base === undefined
        ? ''
        : i === 0
          ? one.instructions.toFixed(0)
          : `x ${(one.instructions / base).toFixed(4)}`,
    ])
  }
  return table(rows)
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '20' },
      instructions: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 6) throw new Error('--rounds: give a whole number of at least 6')
  const unknown = positionals.find((word) => !works.includes(word))
  if (unknown !== undefined) throw new Error(`no work is named ${unknown}; there are: ${works.join(', ')}`)
  if (values.instructions && !(await hasValgrind()))
    throw new Error('--instructions needs valgrind on the PATH')

  const environment = await inspectEnvironment()
  for (const warning of environment.warnings) process.stderr.write(`warning: ${warning}\n`)
  const results: Record<string, readonly ComparedCase[]> = {}
  for (const work of positionals.length === 0 ? works : positionals) {
    const compared = await compareCases(
      ways.map((way) => `sdk-pipeline/${work}-${way}`),
      {
        rounds,
        instructions: values.instructions,
        progress: (text) => {
          if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${work}: ${text}`)
        },
      },
    )
    results[work] = compared
    process.stdout.write(`${report(work, compared).join('\n')}\n\n`)
  }
  process.stdout.write(
    `${rounds} fresh processes each; ${environment.machineClass}, Node ${environment.node}, load ${environment.load.toFixed(2)}\n`,
  )
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ environment, rounds, results }, undefined, 2)}\n`)
  const all = Object.values(results).flatMap((compared) => compared.map((one, i) => verdict(ways[i], one)))
  return all.includes('OVER') ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench:telemetry: ${(error as Error).message}\n`)
  process.exitCode = 2
}
