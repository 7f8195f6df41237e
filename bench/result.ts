import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'

export const resultSchemaName = 'tapescope.bench/1'

const times = z.object({
  iterations: z.int().positive(),
  mean: z.number(),
  min: z.number(),
  p25: z.number(),
  p50: z.number(),
  p75: z.number(),
  p95: z.number(),
  p99: z.number(),
  max: z.number(),
})

export const environmentSchema = z.object({
  node: z.string(),
  v8: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number(),
  memoryGb: z.number(),
  freeMemoryGb: z.number(),
  load: z.number(),
  governor: z.string().nullable(),
  machineClass: z.string(),
  warnings: z.array(z.string()).readonly(),
})

const budget = z.object({
  /** What was compared, in words: `p50 <= 15.00 ns`. */
  text: z.string(),
  limit: z.number(),
  actual: z.number(),
  reason: z.string(),
  met: z.boolean(),
})

const caseResult = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('measured'),
    name: z.string(),
    unit: z.string(),
    about: z.string(),
    units: z.number(),
    warmupRounds: z.int(),
    rounds: z.int(),
    limited: z.boolean(),
    seconds: z.number(),
    /** Per unit. */
    ns: times,
    processCpuNs: z.number(),
    coldNs: z.number(),
    allocation: z.object({ heapBytes: z.number(), externalBytes: z.number() }).optional(),
    rivals: z.array(z.object({ name: z.string(), ns: times, ratio: z.number() })),
    budgets: z.array(budget),
    notes: z.array(z.string()).optional(),
  }),
  z.object({ status: z.literal('skipped'), name: z.string(), reason: z.string() }),
  z.object({ status: z.literal('broken'), name: z.string(), reason: z.string() }),
])

/** What `npm run bench -- --json FILE` writes. Times are in ns per unit. */
export const benchResult = z.object({
  schema: z.literal(resultSchemaName),
  createdAt: z.iso.datetime(),
  revision: z.object({ commit: z.string(), dirty: z.boolean() }),
  quick: z.boolean(),
  seed: z.number(),
  environment: environmentSchema,
  cases: z.array(caseResult),
})

export type BenchResult = z.infer<typeof benchResult>
export type CaseResult = z.infer<typeof caseResult>
export type BudgetResult = z.infer<typeof budget>

/** Reads a JSON file of the given schema. Throws a sentence that names the file, the field and what is wrong. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file} is not a readable JSON file: ${(error as Error).message}`, { cause: error })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue.path.length === 0 ? 'the document' : issue.path.join('.')
  throw new Error(`${file} does not follow the schema of results: ${where}: ${issue.message}`)
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`)
}
