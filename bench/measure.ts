/**
 * One case in this process, for the runner and the gate, which start a fresh one for each sample:
 *   measure.ts --list                    -> a JSON array of what the gate compares here
 *   measure.ts --case NAME --mode MODE   -> one JSON line; MODE is run, quick, gate, process, allocation or instructions
 * The gate runs this file of two revisions, so what it prints may gain fields but not lose or rename any.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { measureAllocation } from './allocation.ts'
import { CannotRunHere, type BenchCase } from './case.ts'
import { allCases, caseNamed } from './catalog.ts'
import { config } from './config.ts'
import { measure } from './runner.ts'

export interface ListedCase {
  readonly name: string
  readonly unit: string
  readonly kernel: boolean
  /** Of the case's file: when it differs between two revisions, the case itself was changed. */
  readonly fingerprint: string
}

async function listed({ name, unit, kernel }: BenchCase): Promise<ListedCase> {
  const text = await readFile(new URL(`cases/${name.split('/')[0]}.ts`, import.meta.url))
  const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { name, unit, kernel: kernel ?? false, fingerprint }
}

async function output(): Promise<unknown> {
  const { values } = parseArgs({
    options: {
      list: { type: 'boolean', default: false },
      case: { type: 'string' },
      mode: { type: 'string', default: 'run' },
      iterations: { type: 'string', default: '1' },
    },
  })
  if (values.list) return Promise.all((await allCases()).filter((one) => one.gate ?? true).map(listed))
  if (values.case === undefined) throw new Error('give --list or --case NAME')
  const one = await caseNamed(values.case)
  const context = { seed: config.seed, quick: values.mode === 'quick', rivals: false }
  const options = { ...config, ...config.quick }
  switch (values.mode) {
    case 'run':
      return measure(one, { ...context, rivals: true }, config)
    case 'quick':
      return measure(one, { ...context, rivals: true }, options)
    case 'gate':
      return measure(one, context, { ...config.gate, limitSeconds: config.limitSeconds })
    case 'process':
      return measure(one, context, {
        ...config.gate,
        limitSeconds: config.limitSeconds,
        warmupRounds: 2,
        measuredRounds: Number(values.iterations),
      })
    case 'allocation':
      return measureAllocation(one, context)
    case 'instructions':
      return repeat(one, Number(values.iterations))
    default:
      throw new Error(`unknown mode ${values.mode}`)
  }
}

/** For callgrind: the same work `iterations` times and nothing else; two counts differ by the iterations alone. */
async function repeat(one: BenchCase, iterations: number): Promise<{ units: number; iterations: number }> {
  const work = await one.setup({ seed: config.seed, quick: true, rivals: false })
  for (let i = 0; i < iterations; i++) {
    await work.prepare?.()
    await work.run()
  }
  await work.close?.()
  return { units: work.units, iterations }
}

try {
  process.stdout.write(`${JSON.stringify(await output())}\n`)
} catch (error) {
  if (!(error instanceof CannotRunHere)) throw error
  process.stdout.write(`${JSON.stringify({ skipped: error.message })}\n`)
}
