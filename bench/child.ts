import { spawn } from 'node:child_process'

interface ChildOptions {
  readonly cwd?: string
  readonly timeoutSeconds: number
  readonly signal?: AbortSignal
  readonly env?: NodeJS.ProcessEnv
}

/** What a child may take to end after SIGTERM. */
const graceMs = 5_000

export class ChildFailed extends Error {
  override readonly name = 'ChildFailed'
}

/**
 * Runs a command to its end and answers with what it wrote to stdout.
 * Rejects with ChildFailed (its last words on stderr) when it exits with another code than 0, is killed, or runs
 * longer than the timeout, after which it is ended; and with the signal's reason when that aborts. What is ended, with all
 * that it started, hears SIGTERM and has a few seconds.
 */
export async function run(command: string, args: readonly string[], options: ChildOptions): Promise<string> {
  options.signal?.throwIfAborted()
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that Ctrl-C on the terminal reaches only us, and we end what it started, too.
    detached: true,
  })
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // It has gone already.
    }
  }
  // First in a way that lets a case take down what is in no group of ours, such as its PostgreSQL.
  let grace: NodeJS.Timeout | undefined
  const endGroup = (): void => {
    signalGroup('SIGTERM')
    grace ??= setTimeout(() => signalGroup('SIGKILL'), graceMs)
  }
  let late = false
  const timer = setTimeout(() => {
    late = true
    endGroup()
  }, options.timeoutSeconds * 1000)
  options.signal?.addEventListener('abort', endGroup)
  const out: Buffer[] = []
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000)
  })
  try {
    const [code, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, killedBy) => resolve([code, killedBy]))
    })
    options.signal?.throwIfAborted()
    if (code === 0) return Buffer.concat(out).toString()
    const how = late
      ? `ran longer than ${options.timeoutSeconds} s`
      : `ended with ${code === null ? killedBy : `exit code ${code}`}`
    throw new ChildFailed(
      `${[command, ...args].join(' ')} ${how}${errors === '' ? '' : `:\n${withoutStack(errors)}`}`,
    )
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', endGroup)
    clearTimeout(grace)
    if (grace !== undefined) signalGroup('SIGKILL')
  }
}

/** What a person can act on: the message and its place in the source, not the loader's frames. */
function withoutStack(errors: string): string {
  const lines = errors.split('\n').filter((line) => !/^\s+at |^node:internal|^Node\.js v|^\s*$/.test(line))
  return lines.join('\n').trim()
}
