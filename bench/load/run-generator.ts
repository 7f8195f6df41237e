import { type ChildProcess, fork } from 'node:child_process'
import type { WindowFigures } from './call-record.ts'
import type { FromGenerator, GeneratorState, ToGenerator } from './generator-messages.ts'
import type { LoadPlan } from './scenarios.ts'

export interface GeneratedRun {
  readonly windows: readonly WindowFigures[]
  /** Of the last window; null when the generator ended before its first. */
  readonly state: GeneratorState | null
  /** How long it ran. */
  readonly seconds: number
  /** Why there is no more of it; null when it came to its end. */
  readonly broken: string | null
}

interface RunGeneratorOptions {
  readonly plan: LoadPlan
  /** Stops the run; what has been measured is kept. */
  readonly signal: AbortSignal
  readonly onWindow: (window: WindowFigures, state: GeneratorState) => void
  readonly onAccepted: (runId: string) => void
}

/** Runs the plan in a process of its own. Never rejects: a generator that dies leaves what it had told. */
export async function runGenerator(options: RunGeneratorOptions): Promise<GeneratedRun> {
  const { plan, signal, onWindow, onAccepted } = options
  const child = fork(new URL('generator.ts', import.meta.url), { serialization: 'advanced' })
  const windows: WindowFigures[] = []
  let state: GeneratorState | null = null
  let seconds: number | undefined
  const stop = () => say(child, { kind: 'stop' })
  signal.addEventListener('abort', stop)
  child.on('message', (message: FromGenerator) => {
    switch (message.kind) {
      case 'ready':
        say(child, { kind: 'begin', plan })
        if (signal.aborted) stop()
        break
      case 'window':
        windows.push(message.window)
        state = { figures: message.figures, health: message.health, slowest: message.slowest }
        onWindow(message.window, state)
        break
      case 'accepted':
        onAccepted(message.runId)
        break
      case 'done':
        seconds = message.seconds
        break
    }
  })
  const ended = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, killedBy) => resolve(killedBy ?? `exit code ${code}`))
  })
  signal.removeEventListener('abort', stop)
  return {
    windows,
    state,
    seconds: seconds ?? windows.at(-1)?.seconds ?? 0,
    broken: seconds === undefined ? `the generator ended before the run did (${ended})` : null,
  }
}

function say(child: ChildProcess, message: ToGenerator): void {
  if (child.connected) child.send(message)
}
