/** npm run scale: what one machine holds and what more symbols need. `--help` tells the rest. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measuredSchema } from './scale/measured.ts'
import { measureScale } from './scale/measure-scale.ts'
import { checkPoint } from './scale/foretell.ts'
import { scaleReport } from './scale/scale-report.ts'
import { readJson, writeJson } from './result.ts'

const help = `npm run scale -- [--measure] [--from FILE]

  --measure    measures the inputs here first (some minutes) and keeps them
  --from FILE  the inputs (bench/scale/measured.json)

Simulates 10, 1,000 and 100,000 symbols at one-minute bars from figures that
were measured, after it has foretold a point that was measured, too.
Exit code: 0, 1 when it misses that point, 2 for wrong usage or a fault.
`

async function main(): Promise<number> {
  const here = fileURLToPath(new URL('..', import.meta.url))
  const { values } = parseArgs({
    options: {
      measure: { type: 'boolean', default: false },
      from: { type: 'string', default: path.join(here, 'bench/scale/measured.json') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  if (values.measure)
    await writeJson(values.from, await measureScale(here, (what) => process.stderr.write(`scale: ${what}\n`)))
  const measured = await readJson(values.from, measuredSchema)
  process.stdout.write(scaleReport(measured))
  return checkPoint(measured).holds ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`scale: ${(error as Error).message}\n`)
  process.exitCode = 2
}
