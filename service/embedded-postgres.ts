import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  asUser,
  findPostgresPlace,
  type PostgresPlace,
  postgresEnvironment,
  shelterNamedIn,
} from './postgres-place.ts'
import { StartError } from './start-error.ts'

export interface EmbeddedPostgres {
  /** Connection string of the database `tapescope`, with its password. */
  url: string
  /** Where data and log lie. */
  folder: string
  /** The postmaster's process id; changes when it had to be started again. */
  pid(): number | undefined
  /** A server of a killed run was found alive and has been stopped. */
  tookOver: boolean
  /** Fast shutdown (open transactions are rolled back); at most about 5 s. Idempotent, never rejects. */
  stop(): Promise<void>
}

interface EmbeddedPostgresOptions {
  /** Made when missing. PostgreSQL lies in it, or in a folder that it names when we are root and it is private. */
  folder: string
  /** Settings for the server, as in postgresql.conf. */
  settings?: Record<string, string>
  /** A line for the person: the server died and comes back. */
  onNotice?: (message: string) => void
  signal?: AbortSignal
}

/**
 * Starts PostgreSQL from npm on a free loopback port and keeps it running: a server that dies is started again on
 * the same port. The folder belongs to one process at a time, which the caller sees to.
 * @throws StartError when it cannot run here or the data cannot be opened
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  options.signal?.throwIfAborted()
  const place = findPostgresPlace(resolve(options.folder))
  const tookOver = await stopLeftBehind(place)
  const password = await initialise(place, options.signal)
  const settings = options.settings ?? {}
  const stopping = new AbortController()
  const starting = options.signal ?? stopping.signal
  let port = await freePort()

  let server: ChildProcess
  for (let attempt = 1; ; attempt++) {
    try {
      server = await startServer(place, port, settings, starting)
      break
    } catch (error) {
      // The lock of a server that has just died is held for a moment longer; a free port may have been taken.
      if (attempt === 10 || starting.aborted) throw error
      await sleep(250)
      port = await freePort()
    }
  }

  async function keepRunning(): Promise<void> {
    while (!stopping.signal.aborted) {
      await ended(server)
      if (stopping.signal.aborted) return
      options.onNotice?.('PostgreSQL ended unexpectedly; starting it again.')
      for (let attempt = 1; !stopping.signal.aborted; attempt++) {
        try {
          server = await startServer(place, port, settings, stopping.signal)
          break
        } catch (error) {
          if (attempt === 10) options.onNotice?.(error instanceof Error ? error.message : String(error))
          await sleep(250)
        }
      }
    }
  }
  const keeping = keepRunning()

  return {
    url: urlOf(password, port),
    folder: place.folder,
    pid: () => server.pid,
    tookOver,
    async stop() {
      stopping.abort()
      await stopServer(server)
      await keeping
      // One that was on its way when the stop came.
      await stopServer(server)
    },
  }
}

const urlOf = (password: string, port: number): string =>
  `postgres://tapescope:${password}@127.0.0.1:${port}/tapescope`

/** Connection string of the server that another process runs in `folder`; undefined where none is ready. */
export function runningPostgres(folder: string): string | undefined {
  const place = shelterNamedIn(folder) ?? resolve(folder)
  const data = join(place, 'data')
  try {
    // Line 1 is the process, line 4 its port, line 8 its state.
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    if (lines[7]?.trim() !== 'ready' || !isServerOf(Number(lines[0]), data)) return undefined
    return urlOf(readFileSync(join(place, 'password'), 'utf8').trim(), Number(lines[3]))
  } catch {
    return undefined // nothing there, or it is somebody else's
  }
}

/** A killed parent leaves its PostgreSQL running. True when there was one. */
async function stopLeftBehind(place: PostgresPlace): Promise<boolean> {
  const data = join(place.folder, 'data')
  const pidFile = join(data, 'postmaster.pid')
  if (!existsSync(pidFile)) return false
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  if (!isServerOf(pid, data)) {
    // After a reboot the number may belong to somebody else; PostgreSQL would then take it for a server.
    if (isAlive(pid)) rmSync(pidFile)
    return false
  }
  for (const mode of ['fast', 'immediate']) {
    const result = await runTool(place, 'pg_ctl', ['stop', '-D', data, '-m', mode, '-w', '-t', '10'])
    if (result.code === 0) return true
  }
  throw new StartError(
    `A PostgreSQL of an earlier run (process ${pid}) does not stop: end it, then start again.`,
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** PostgreSQL's working folder is its data folder; where there is no /proc, a living process is taken for it. */
function isServerOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === data
  } catch {
    // Somebody else's, or dead and not yet reaped.
    return false
  }
}

/** Makes the database on first use; answers with its password. */
async function initialise(place: PostgresPlace, signal?: AbortSignal): Promise<string> {
  const data = join(place.folder, 'data')
  const passwordFile = join(place.folder, 'password')
  if (existsSync(data)) {
    const version = join(data, 'PG_VERSION')
    if (!existsSync(version) || !existsSync(passwordFile)) {
      throw new StartError(
        `${place.folder} holds no complete database: restore it, or remove it to begin anew.`,
      )
    }
    return readFileSync(passwordFile, 'utf8').trim()
  }

  // Made beside its final name: a start that is killed here leaves nothing that looks like a database.
  const making = join(place.folder, 'data.making')
  rmSync(making, { recursive: true, force: true })
  rmSync(passwordFile, { force: true })
  mkdirSync(making, { mode: 0o700 })
  const password = randomBytes(24).toString('hex')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  if (place.user !== undefined) {
    chownSync(making, place.user.uid, place.user.gid)
    chownSync(passwordFile, place.user.uid, place.user.gid)
  }
  const initdb = await runTool(
    place,
    'initdb',
    [
      '-D',
      making,
      '-U',
      'tapescope',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
    ],
    { signal },
  )
  if (initdb.code !== 0) {
    rmSync(making, { recursive: true, force: true })
    throw new StartError(
      `PostgreSQL could not make its database in ${place.folder}: ${lastLines(initdb.errors)}`,
    )
  }
  // In single-user mode: no port is open yet.
  const created = await runTool(place, 'postgres', ['--single', '-D', making, 'postgres'], {
    input: 'CREATE DATABASE tapescope\n',
    signal,
  })
  if (created.code !== 0) {
    throw new StartError(`PostgreSQL could not create the database tapescope: ${lastLines(created.errors)}`)
  }
  renameSync(making, data)
  return password
}

/** Runs one of PostgreSQL's programs to its end. @throws what `signal` says, after it has ended the program */
async function runTool(
  place: PostgresPlace,
  tool: string,
  args: string[],
  { input = '', signal }: { input?: string; signal?: AbortSignal | undefined } = {},
): Promise<{ code: number | null; errors: string }> {
  signal?.throwIfAborted()
  const child = spawn(join(place.native, 'bin', tool), args, {
    cwd: '/',
    env: postgresEnvironment(place.native),
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
    ...asUser(place.user),
  })
  const interrupt = () => child.kill('SIGINT')
  signal?.addEventListener('abort', interrupt, { once: true })
  let errors = ''
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  // It may end without reading what it is given.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    signal?.throwIfAborted()
    return { code, errors }
  } finally {
    signal?.removeEventListener('abort', interrupt)
  }
}

/** Resolves when the server takes connections. */
async function startServer(
  place: PostgresPlace,
  port: number,
  settings: Record<string, string>,
  signal: AbortSignal,
): Promise<ChildProcess> {
  signal.throwIfAborted()
  const logFile = join(place.folder, 'log')
  const data = join(place.folder, 'data')
  const options = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // No socket: its path may be too long, and the password protects the port.
    unix_socket_directories: '',
    ...settings,
  }
  // The server writes to a file, not to a pipe of ours: it must be able to outlive us and shut down in order.
  const log = openSync(logFile, 'a')
  truncateSync(logFile, 0)
  const server = spawn(
    join(place.native, 'bin', 'postgres'),
    ['-D', data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      cwd: '/',
      env: postgresEnvironment(place.native),
      stdio: ['ignore', log, log],
      // A group of its own: Ctrl-C on a terminal is for us, who stop it after its clients.
      detached: true,
      ...asUser(place.user),
    },
  )
  closeSync(log)
  const failed = new Promise<never>((_, reject) => {
    server.once('error', reject)
  })
  failed.catch(() => undefined)
  const deadline = Date.now() + 60_000
  const pidFile = join(data, 'postmaster.pid')
  while (Date.now() < deadline) {
    if (hasEnded(server) || signal.aborted) break
    await Promise.race([sleep(10), failed])
    // Line 1 is the process, line 8 its state.
    const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : []
    if (lines[0] === String(server.pid) && lines[7]?.trim() === 'ready') return server
  }
  await stopServer(server)
  signal.throwIfAborted()
  throw new StartError(
    `PostgreSQL did not start (${lastLines(readFileSync(logFile, 'utf8'))}); its log is ${logFile}.`,
  )
}

async function stopServer(server: ChildProcess): Promise<void> {
  // SIGTERM: once the clients have gone, whose pools say that they are closed a moment before they are; SIGINT: fast;
  // SIGQUIT: at once, repaired from the log at the next start.
  for (const [signal, waitMs] of [
    ['SIGTERM', 300],
    ['SIGINT', 4_000],
    ['SIGQUIT', 500],
    ['SIGKILL', 1_000],
  ] as const) {
    if (hasEnded(server) || server.pid === undefined) return
    server.kill(signal)
    await Promise.race([ended(server), sleep(waitMs, undefined, { ref: false })])
  }
}

function hasEnded(server: ChildProcess): boolean {
  return server.exitCode !== null || server.signalCode !== null
}

async function ended(server: ChildProcess): Promise<void> {
  if (!hasEnded(server)) await once(server, 'exit')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-2).join('; ').trim() || 'no message'
}
