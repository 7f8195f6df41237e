import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Finding } from './finding.ts'

/** Two copies of one of these do not see each other: what one registers, the other's users miss. */
const single = [
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/sdk-logs',
  '@opentelemetry/instrumentation',
  '@opentelemetry/context-async-hooks',
  '@tapescope/sdk',
]

/** More folders than any sane project has: a walk ends. */
const mostFolders = 50_000

/** Finds packages that are installed more than once from `folder` upwards and downwards. */
export function checkPackages(folder: string): Finding[] {
  const copies = findCopies(folder)
  const findings: Finding[] = []
  for (const [name, places] of copies) {
    if (places.length < 2) continue
    const list = places
      .map(({ path, version }) => `${version} in ${relative(folder, path) || '.'}`)
      .join(', ')
    findings.push({
      check: 'packages',
      problem: `${name} is installed ${places.length} times: ${list}.`,
      remedy: `One copy must remain: run npm dedupe, or pin it in "overrides" of package.json and install again.`,
    })
  }
  if (copies.has('@opentelemetry/instrumentation-http') && (copies.has('@hono/otel') || copies.has('hono')))
    findings.push({
      check: 'packages',
      problem: '@opentelemetry/instrumentation-http is installed beside Hono.',
      remedy:
        'Use traceRequests() alone, or leave requests to instrumentation-http: with both there are two spans each.',
    })
  return findings
}

interface Copy {
  readonly path: string
  readonly version: string
}

function findCopies(folder: string): Map<string, Copy[]> {
  const wanted = new Set([...single, '@opentelemetry/instrumentation-http', '@hono/otel', 'hono'])
  const copies = new Map<string, Copy[]>()
  const seen = new Set<string>()

  function visitPackage(path: string, name: string): void {
    let real: string
    try {
      real = realpathSync(path)
    } catch {
      return
    }
    if (seen.has(real) || seen.size > mostFolders) return
    seen.add(real)
    if (wanted.has(name)) {
      const same = copies.get(name) ?? []
      copies.set(name, [...same, { path: real, version: versionOf(real) }])
    }
    visitModules(join(real, 'node_modules'))
  }

  function visitModules(modules: string): void {
    for (const entry of list(modules)) {
      if (entry.startsWith('.')) continue
      if (entry.startsWith('@'))
        for (const scoped of list(join(modules, entry)))
          visitPackage(join(modules, entry, scoped), `${entry}/${scoped}`)
      else visitPackage(join(modules, entry), entry)
    }
  }

  // Node looks upwards; a monorepo has its modules there.
  for (let at = folder; ; at = dirname(at)) {
    visitModules(join(at, 'node_modules'))
    if (at === dirname(at)) return onlySingle(copies)
  }
}

/** Duplicates count for packages that must be single; of the others it matters that they are there. */
function onlySingle(copies: Map<string, Copy[]>): Map<string, Copy[]> {
  return new Map(
    [...copies].map(([name, places]) => [name, single.includes(name) ? places : places.slice(0, 1)]),
  )
}

function list(folder: string): string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : []
  } catch {
    return []
  }
}

function versionOf(path: string): string {
  try {
    const { version } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as { version?: string }
    return version ?? 'unknown'
  } catch {
    return 'unknown'
  }
}
