// Runs before every npm script that needs dependencies, under whatever Node >= 20 the machine has, and with
// nothing installed: so no dependency, no TypeScript. Installs when node_modules is missing or older than the
// lock file; afterwards npm's PATH finds the pinned Node 24 in node_modules/.bin.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const marker = join(root, 'node_modules', '.package-lock.json')
const lock = join(root, 'package-lock.json')

const major = Number(process.versions.node.split('.')[0])
if (major < 20) fail(`Tapescope needs Node 20 or later to install itself; this is ${process.version}.`)

if (!existsSync(marker) || statSync(marker).mtimeMs < statSync(lock).mtimeMs) {
  console.error('Installing dependencies (npm ci), once; about a minute...')
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const result = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (result.status !== 0) fail('npm ci failed: its message stands above. Nothing was started.')
}

// The pinned runtime comes as an optional dependency for Linux; elsewhere the machine's own Node must do.
const bin = join(root, 'node_modules', '.bin', 'node')
const version = existsSync(bin)
  ? execFileSync(bin, ['--version'], { encoding: 'utf8' }).trim()
  : process.version
if (Number(version.slice(1).split('.')[0]) < 24) {
  fail(`Tapescope runs on Node 24 or later; on this platform npm brings none, and yours is ${version}.`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
