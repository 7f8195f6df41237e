import { command, numberOption, urlOption } from '../command-line.ts'
import { resolveSettings, type ResolvedSettings } from '../config/resolve-settings.ts'
import { checkBackend } from './check-backend.ts'
import { findLosses, readLosses } from './check-delivery.ts'
import { checkPackages } from './check-packages.ts'
import { checkPorts } from './check-ports.ts'
import type { Finding } from './finding.ts'
import { runProgram } from './run-program.ts'

const usage = `tapescope doctor [options] [-- node app.js [arguments]]

Looks for what commonly keeps telemetry from arriving: settings that cannot be
meant, packages installed twice, a backend that does not answer, a taken port.
With a program after -- it runs that too, and tells what was imported too early
and which spans were dropped.

  --metrics URL  read the losses of a running program from its metrics
  --seconds N    end the program after so many seconds (SIGTERM)
  --json         findings as JSON
`

/** `tapescope doctor`: 0 when nothing is wrong, 1 when something is, 2 for a command line that cannot be meant. */
export const doctorCommand = command(
  usage,
  {
    metrics: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'boolean' },
  },
  async ({ values, program }) => {
    const seconds =
      values.seconds === undefined
        ? undefined
        : numberOption(values.seconds, '--seconds', 'a time above 0', (value) => value > 0)
    if (values.metrics !== undefined)
      urlOption(values.metrics, '--metrics', 'http://127.0.0.1:8080/api/v1/metrics')

    const findings = [...checkNode(), ...checkPackages(process.cwd())]
    const resolved = await settingsOf(findings)
    if (resolved !== undefined) {
      findings.push(...(await checkBackend(resolved.settings)))
      findings.push(...(await checkPorts(resolved.settings)))
    }
    if (values.metrics !== undefined) findings.push(...(await readRunning(values.metrics)))
    if (program.length > 0) findings.push(...(await runProgram(program, seconds)))
    process.stdout.write(values.json ? `${JSON.stringify({ findings }, null, 2)}\n` : render(findings))
    return findings.length === 0 ? 0 : 1
  },
)

/** `@opentelemetry/*` 3.x asks for this. */
const leastNode = [22, 15] as const

function checkNode(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return []
  return [
    {
      check: 'node',
      problem: `This is Node ${process.versions.node}.`,
      remedy: `The SDK needs Node ${leastNode.join('.')} or later.`,
    },
  ]
}

async function settingsOf(findings: Finding[]): Promise<ResolvedSettings | undefined> {
  try {
    const resolved = await resolveSettings({}, process.env)
    for (const problem of resolved.warnings)
      findings.push({ check: 'configuration', problem, remedy: 'tapescope config shows what is in effect.' })
    return resolved
  } catch (error) {
    findings.push({
      check: 'configuration',
      problem: error instanceof Error ? error.message : String(error),
      remedy: 'Correct the file of OTEL_CONFIG_FILE: until then programs run without telemetry.',
    })
    return undefined
  }
}

async function readRunning(url: string): Promise<Finding[]> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) })
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    return findLosses(readLosses(await answer.text()))
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return [
      {
        check: 'delivery',
        problem: `No metrics at ${url}: ${cause instanceof Error ? cause.message : String(cause)}.`,
        remedy: 'Give the URL under which the program serves telemetry.metricsHandler.',
      },
    ]
  }
}

const width = 80

/** Findings one below the other, in lines of at most 80 columns. */
function render(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is wrong with the telemetry that this could see.\n'
  return findings
    .map(({ check, problem, remedy }) => `${wrap(`${check}: ${problem}`, '')}${wrap(`-> ${remedy}`, '  ')}`)
    .join('\n')
}

function wrap(text: string, indent: string): string {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    const longer = line.trim() === '' ? `${indent}${word}` : `${line} ${word}`
    if (longer.length > width && line.trim() !== '') {
      lines.push(line)
      line = `${indent}  ${word}`
    } else line = longer
  }
  return `${[...lines, line].join('\n')}\n`
}
