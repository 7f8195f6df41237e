import { spawn, type StdioOptions } from 'node:child_process'
import { constants } from 'node:os'

interface NodeProgramOptions {
  /** URL of the module that is loaded before the program, in each Node process that it starts. */
  readonly preload: string
  readonly env: Readonly<Record<string, string>>
  readonly stdio: StdioOptions
  /** Ends the program with SIGTERM after so long. */
  readonly seconds?: number | undefined
}

interface ProgramEnd {
  /** As a shell has it: the program's own, 128 + N of signal N, 127 not found, 126 may not be run. */
  readonly code: number
  readonly signal: NodeJS.Signals | null
  /** Why it could not be started. */
  readonly problem?: string
}

/** So many signals end a program whatever it does. */
const mostAsked = 3
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Runs `node app.js ...` (by this Node), or any command that ends up running Node, to its end. */
export async function runNodeProgram(
  [command = '', ...args]: readonly string[],
  { preload, env, stdio, seconds }: NodeProgramOptions,
): Promise<ProgramEnd> {
  // A Node that is named by its path is meant to be that one.
  const child = spawn(command === 'node' ? process.execPath : command, args, {
    stdio,
    env: {
      ...process.env,
      ...env,
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}`.trim(),
    },
  })
  let asked = 0
  let patience: NodeJS.Timeout | undefined
  const forward = (signal: NodeJS.Signals): void => {
    asked += 1
    if (asked >= mostAsked) child.kill('SIGKILL')
    // Ctrl-C in a terminal has reached the program already, and a second one means "now".
    else if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    // A preload listens for signals, so one that is busy in a loop does not end by itself.
    patience ??= setTimeout(() => {
      process.stderr.write(`tapescope: ${command} goes on after ${signal}; the third one kills it.\n`)
    }, 3000)
  }
  for (const signal of forwarded) process.on(signal, forward)
  const timer = seconds === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), seconds * 1000)
  try {
    return await new Promise<ProgramEnd>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        const problem = `${command} could not be started: ${error.code === 'ENOENT' ? 'there is no such command' : error.message}.`
        resolve({ code: error.code === 'ENOENT' ? 127 : 126, signal: null, problem })
      })
      child.once('close', (code, signal) =>
        resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), signal }),
      )
    })
  } finally {
    clearTimeout(timer)
    clearTimeout(patience)
    for (const signal of forwarded) process.off(signal, forward)
  }
}
