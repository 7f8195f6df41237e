/** npm run bench: measures cases and holds them against their budgets. `--help` tells the rest. */
import { parseArgs } from 'node:util'
import { allCases } from './catalog.ts'
import { config } from './config.ts'
import { inspectEnvironment } from './environment.ts'
import { benchReport } from './report-console.ts'
import { resultSchemaName, writeJson, type BenchResult } from './result.ts'
import { currentRevision } from './revision.ts'
import { runCases } from './run-cases.ts'
import { formatNs } from './format.ts'

const help = `npm run bench -- [FILTER...] [--quick] [--json FILE] [--list]

  FILTER       only cases whose name contains one of these words
  --quick      fewer and shorter rounds, long cases left out: a look, not a proof
  --json FILE  the result, in the schema ${resultSchemaName}
  --list       names, units and budgets; measures nothing

Exit code: 0 all budgets met, 1 a budget exceeded, 2 a broken case or wrong usage.
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const all = await allCases()
  const chosen = all.filter(
    ({ name, quick }) =>
      (positionals.length === 0 || positionals.some((word) => name.includes(word))) &&
      (!values.quick || (quick ?? true)),
  )
  if (chosen.length === 0)
    throw new Error(
      `no case ${values.quick ? 'of --quick ' : ''}matches ${positionals.join(' ')}; there are: ${all.map(({ name }) => name).join(', ')}`,
    )
  if (values.list) {
    for (const { name, unit, about } of chosen) process.stdout.write(`${name}  (per ${unit}) ${about}\n`)
    return 0
  }

  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)))
  const environment = await inspectEnvironment()
  for (const warning of environment.warnings) process.stderr.write(`warning: ${warning}\n`)
  const progress = process.stderr.isTTY ? process.stderr : undefined
  const cases = await runCases(chosen, {
    quick: values.quick,
    signal: stop.signal,
    started: (name, index) => progress?.write(`[${index + 1}/${chosen.length}] ${name} ...`),
    finished: (result) =>
      progress?.write(
        `\r\u001b[K${result.name}: ${result.status === 'measured' ? `${formatNs(result.ns.p50)} per ${result.unit}` : result.status}\n`,
      ),
  })
  const result: BenchResult = {
    schema: resultSchemaName,
    createdAt: new Date().toISOString(),
    revision: await currentRevision(process.cwd()),
    quick: values.quick,
    seed: config.seed,
    environment,
    cases,
  }
  if (values.json !== undefined) await writeJson(values.json, result)
  process.stdout.write(benchReport(result))
  if (cases.some(({ status }) => status === 'broken')) return 2
  return cases.some((one) => one.status === 'measured' && one.budgets.some(({ met }) => !met)) ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`)
  process.exitCode = 2
}
