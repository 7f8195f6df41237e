import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BenchCase, Rival, Work } from '../case.ts'

const root = dirname(dirname(import.meta.dirname))
const sdk = join(root, 'sdk')
const dist = join(sdk, 'dist')

/** What the package may weigh, in bytes. */
const sizeBudget = {
  /** The package itself, unpacked. */
  unpacked: 600e3,
  /** As it is downloaded. */
  packed: 200e3,
  /** With everything that it brings into node_modules, the peer included. */
  installed: 32e6,
}

let built = false

function build(): void {
  if (built) return
  execFileSync('npm', ['run', '--silent', 'build', '-w', 'sdk'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  built = true
}

function startNode(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: sdk,
    encoding: 'utf8',
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  })
  if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`)
}

const importing = (file: string): string[] => [
  '--input-type=module',
  '--eval',
  `await import(${JSON.stringify(pathToFileURL(join(dist, file)).href)})`,
]
const bareNode: Rival = {
  name: 'node',
  units: 1,
  run: () => startNode(['--input-type=module', '--eval', '0']),
}

function startCase(name: string, about: string, args: string[], max: number, reason: string): BenchCase {
  return {
    name: `sdk-package/${name}`,
    unit: 'start',
    about,
    budgets: [{ kind: 'ratio', rival: 'node', max, reason }],
    // Processes vary too much for the gate; the ratio to a bare Node is what counts.
    gate: false,
    setup(): Work {
      build()
      return { units: 1, run: () => startNode(args), rivals: [bareNode], verify: checkSize }
    },
  }
}

export default [
  startCase(
    'import',
    'a Node process that imports the wrappers of the built package',
    importing('index.js'),
    2.7,
    'The wrappers need the OpenTelemetry API alone: 30 ms of CPU beside the 18 ms of a bare Node.',
  ),
  startCase(
    'register',
    'a Node process that starts with --import @tapescope/sdk/register and does nothing',
    ['--import', pathToFileURL(join(dist, 'register.js')).href, '--input-type=module', '--eval', '0'],
    6,
    'A start without code loads the whole SDK: at most 200 ms.',
  ),
] satisfies BenchCase[]

/** Throws when the package weighs more than its budget. */
function checkSize(): void {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--silent', './dist'], {
      cwd: sdk,
      encoding: 'utf8',
    }),
  ) as [{ size: number; unpackedSize: number }]
  const sizes = { unpacked: packed.unpackedSize, packed: packed.size, installed: installedBytes() }
  for (const [what, bytes] of Object.entries(sizes) as [keyof typeof sizeBudget, number][])
    if (bytes > sizeBudget[what])
      throw new Error(`the SDK's package is ${bytes} bytes ${what}; its budget is ${sizeBudget[what]}`)
}

/** Bytes of the package and of each of its dependencies, theirs included, as they lie in node_modules. */
function installedBytes(): number {
  const seen = new Set<string>()
  const wanted = [...dependenciesOf(dist), '@opentelemetry/api']
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const folder = join(root, 'node_modules', name)
    if (seen.has(folder)) continue
    seen.add(folder)
    wanted.push(...dependenciesOf(folder))
  }
  return [dist, ...seen].reduce((sum, folder) => sum + bytesIn(folder), 0)
}

const dependenciesOf = (folder: string): string[] => {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  return Object.keys(dependencies)
}

const bytesIn = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
