import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runNodeProgram } from '../run-node-program.ts'
import { findLosses, type Losses } from './check-delivery.ts'
import type { Finding } from './finding.ts'

/** What a program under the doctor's eyes tells at its end. */
export interface ProgramReport {
  /** Whether this SDK was started in it. */
  readonly started: boolean
  readonly loadedBefore: readonly string[]
  readonly losses: Losses
}

/** Runs a program to its end, or ends it with SIGTERM after so many seconds, and says what was wrong with its telemetry. */
export async function runProgram(
  program: readonly string[],
  seconds: number | undefined,
): Promise<Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tapescope-doctor-'))
  const file = join(folder, 'report.json')
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  try {
    const end = await runNodeProgram(program, {
      preload: new URL(`./doctor-register.${extension}`, import.meta.url).href,
      env: { TAPESCOPE_DOCTOR: file },
      // The findings are this command's output.
      stdio: ['inherit', process.stderr, 'inherit'],
      seconds,
    })
    if (end.problem !== undefined) throw new Error(end.problem)
    return findingsOf(JSON.parse(readFileSync(file, 'utf8')) as ProgramReport)
  } catch (error) {
    return [
      {
        check: 'delivery',
        problem: `${program[0]} told nothing: ${error instanceof Error ? error.message : String(error)}.`,
        remedy: 'It must be a Node program that ends by itself, by SIGTERM or by process.exit.',
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function findingsOf({ started, loadedBefore, losses }: ProgramReport): Finding[] {
  const findings: Finding[] = []
  if (!started)
    findings.push({
      check: 'import order',
      problem:
        'The program did not start the SDK (or another SDK was registered before it, or OTEL_SDK_DISABLED is set).',
      remedy: 'Start it with node --import @tapescope/sdk/register app.js, or await startTelemetry() first.',
    })
  for (const name of loadedBefore)
    findings.push({
      check: 'import order',
      problem: `${name} was imported before the SDK started: its calls give no spans.`,
      remedy: `Start with node --import @tapescope/sdk/register, or import ${name} dynamically after startTelemetry().`,
    })
  return [...findings, ...findLosses(losses)]
}
