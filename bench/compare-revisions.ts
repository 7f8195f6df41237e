import { existsSync } from 'node:fs'
import path from 'node:path'
import { countInstructions, hasValgrind } from './callgrind.ts'
import { run } from './child.ts'
import { change, typical } from './compare.ts'
import { config } from './config.ts'
import { inspectEnvironment } from './environment.ts'
import { formatInterval } from './format.ts'
import {
  p25,
  runGateRounds,
  type GateRoundsOptions,
  type Sample,
  type Side,
  type Track,
} from './gate-rounds.ts'
import {
  gateSchemaName,
  gateVerdict,
  type ComparedCase,
  type GateResult,
  type UncomparedCase,
} from './gate-result.ts'
import type { ListedCase } from './measure.ts'
import type { Measurement } from './runner.ts'
import { seededRandom } from './statistics.ts'
import type { Worktrees } from './worktree.ts'

export interface CompareOptions {
  readonly base: { readonly name: string; readonly commit: string }
  readonly head: { readonly name: string; readonly commit: string }
  readonly seed: number
  /** Only benchmarks whose name contains one of these words; all when empty. */
  readonly filter: readonly string[]
  /** Which kernels callgrind counts, too: those whose time changed, all, or none. */
  readonly witness: 'changed' | 'all' | 'none'
  readonly signal?: AbortSignal
  readonly roundDone?: GateRoundsOptions['roundDone']
  readonly say?: (line: string) => void
}

const canaryName = 'canary/kernel'

/**
 * Compares two checkouts, each with its own bench folder, benchmark by benchmark.
 * Throws a sentence when one of them cannot list its benchmarks or nothing can be compared.
 */
export async function compareRevisions(trees: Worktrees, options: CompareOptions): Promise<GateResult> {
  const began = performance.now()
  const { signal } = options
  const environment = await inspectEnvironment()
  const listedBase = await list(trees.base, 'base', signal)
  const listedHead = await list(trees.head, 'head', signal)
  const chosen = ({ name }: ListedCase): boolean =>
    options.filter.length === 0 || options.filter.some((word) => name.includes(word))
  const inBase = new Map(listedBase.filter(chosen).map((one) => [one.name, one]))
  const inHead = new Map(listedHead.filter(chosen).map((one) => [one.name, one]))
  const shared = [...inHead.values()].filter(({ name }) => inBase.has(name))
  if (inBase.size + inHead.size === 0) throw new Error(`no benchmark matches ${options.filter.join(' ')}`)
  const canarySide = listedBase.some(({ name }) => name === canaryName) ? 'base' : 'head'
  if (canarySide === 'head' && !listedHead.some(({ name }) => name === canaryName))
    throw new Error(`neither revision has the benchmark ${canaryName}, by which noise is judged`)

  const skipped = new Map<string, string>()
  const comparable: ListedCase[] = []
  for (const one of shared) {
    const reason = await skipReason(trees.head, one.name, signal)
    if (reason === undefined) comparable.push(one)
    else skipped.set(one.name, reason)
  }
  const { tracks, canary, quiet, rounds } = await runGateRounds({
    names: comparable.map(({ name }) => name),
    canary: { name: canaryName, side: canarySide },
    sample: (side, name) => sample(trees[side], name, signal),
    rule: config.gate,
    random: seededRandom(options.seed),
    ...(signal === undefined ? {} : { signal }),
    ...(options.roundDone === undefined ? {} : { roundDone: options.roundDone }),
  })
  if (canary.outcome === 'BROKEN') throw new Error(`the canary is broken: ${canary.reason}`)

  const cases: (ComparedCase | UncomparedCase)[] = tracks.map((track) => {
    const { unit, fingerprint } = inHead.get(track.name)!
    if (track.outcome === 'BROKEN')
      return { name: track.name, unit, verdict: 'BROKEN', reason: track.reason ?? 'no number' }
    return compared(track, unit, fingerprint !== inBase.get(track.name)!.fingerprint)
  })
  cases.push(...onOneSide(inBase, inHead))
  for (const [name, reason] of skipped)
    options.say?.(`${name} cannot run here and is not compared: ${reason}`)
  const kernels = new Set(comparable.filter(({ kernel }) => kernel).map(({ name }) => name))
  await addWitness(cases, kernels, trees, options)

  return {
    schema: gateSchemaName,
    createdAt: new Date().toISOString(),
    base: options.base,
    head: options.head,
    verdict: gateVerdict(quiet, cases),
    seed: options.seed,
    rounds,
    seconds: (performance.now() - began) / 1000,
    rule: { ...config.gate, looks: [...config.gate.looks] },
    canary: {
      name: canary.name,
      quiet,
      rounds: canary.base.length,
      change: change(p25(canary.base), p25(canary.head), config.gate.confidence),
      samples: { base: p25(canary.base), head: p25(canary.head) },
    },
    environment,
    cases,
  }
}

/** Benchmarks that only one revision has: NEW passes, MISSING fails the gate. */
export function onOneSide(
  inBase: ReadonlyMap<string, Pick<ListedCase, 'name' | 'unit'>>,
  inHead: ReadonlyMap<string, Pick<ListedCase, 'name' | 'unit'>>,
): UncomparedCase[] {
  const missingFrom = (other: typeof inBase, one: typeof inBase) =>
    [...one.values()].filter(({ name }) => !other.has(name))
  return [
    ...missingFrom(inBase, inHead).map(({ name, unit }) => ({
      name,
      unit,
      verdict: 'NEW' as const,
      reason: 'base has no such benchmark',
    })),
    ...missingFrom(inHead, inBase).map(({ name, unit }) => ({
      name,
      unit,
      verdict: 'MISSING' as const,
      reason: 'base has it, head does not: the gate fails (exit 2)',
    })),
  ]
}

/** What is told of a benchmark that ran on both sides. */
export function compared(track: Track, unit: string, caseChanged: boolean): ComparedCase {
  const { confidence, warnP95Above, fail } = config.gate
  const p95 = (samples: readonly Sample[]): number[] => samples.map((one) => one.p95)
  const p95Change = change(p95(track.base), p95(track.head), confidence)
  const warnings: string[] = []
  if (p95Change.estimate > warnP95Above && p95Change.lower > fail.lowerAbove)
    warnings.push(`p95 changed by ${formatInterval(p95Change)}`)
  if (caseChanged) warnings.push('the file of this benchmark differs between the revisions')
  return {
    name: track.name,
    unit,
    verdict: track.outcome as ComparedCase['verdict'],
    rounds: track.base.length,
    confirmations: track.confirmations,
    base: typical(track.base),
    head: typical(track.head),
    change: change(p25(track.base), p25(track.head), confidence),
    p95Change,
    warnings,
    samples: { base: p25(track.base), head: p25(track.head) },
  }
}

async function addWitness(
  cases: readonly (ComparedCase | UncomparedCase)[],
  kernels: ReadonlySet<string>,
  trees: Worktrees,
  { witness, signal, say }: CompareOptions,
): Promise<void> {
  const asked = cases.filter(
    (one): one is ComparedCase =>
      'change' in one && kernels.has(one.name) && (witness === 'all' || one.verdict !== 'PASS'),
  )
  if (witness === 'none' || asked.length === 0) return
  if (!(await hasValgrind())) {
    say?.('valgrind is not here: no second witness')
    return
  }
  for (const one of asked) {
    say?.(`callgrind counts the instructions of ${one.name}`)
    const base = await countInstructions(trees.base, one.name, signal)
    const head = await countInstructions(trees.head, one.name, signal)
    one.instructions = { base, head, change: head / base - 1 }
  }
}

async function list(folder: string, side: Side, signal: AbortSignal | undefined): Promise<ListedCase[]> {
  if (!existsSync(path.join(folder, 'bench/measure.ts')))
    throw new Error(`the ${side} revision has no bench/measure.ts: there is nothing to compare with`)
  try {
    return JSON.parse(await measure(folder, ['--list'], signal)) as ListedCase[]
  } catch (error) {
    signal?.throwIfAborted()
    throw new Error(`the ${side} revision cannot list its benchmarks: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** A case may be unable to run on this machine (no compiler, no database); it is then named, not compared. */
async function skipReason(
  folder: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const output = await measure(folder, ['--case', name, '--mode', 'gate'], signal)
    return (JSON.parse(output) as { skipped?: string }).skipped
  } catch {
    // Broken, not unable: the rounds will say so.
    signal?.throwIfAborted()
    return undefined
  }
}

async function sample(folder: string, name: string, signal: AbortSignal | undefined): Promise<Sample> {
  const output = await measure(folder, ['--case', name, '--mode', 'gate'], signal)
  const { ns } = JSON.parse(output) as Partial<Measurement>
  if (ns === undefined || !(ns.p25 > 0)) throw new Error(`${name} gave no number: ${output.slice(0, 200)}`)
  return { p25: ns.p25, p50: ns.p50, p95: ns.p95, p99: ns.p99 }
}

function measure(folder: string, args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  return run(process.execPath, ['bench/measure.ts', ...args], {
    cwd: folder,
    timeoutSeconds: config.gate.processTimeoutSeconds,
    // Compiled modules are kept beside each checkout: a process then spends its time on the work, not on loading.
    env: { ...process.env, NODE_COMPILE_CACHE: `${folder}-compile-cache` },
    ...(signal === undefined ? {} : { signal }),
  })
}
