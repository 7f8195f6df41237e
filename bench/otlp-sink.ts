import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

interface Sink {
  readonly url: string
  close(): void
}

/** A backend that takes everything, in a process of its own so that its work is not counted as the case's. */
export async function startSink(): Promise<Sink> {
  const file = fileURLToPath(new URL('otlp-sink-process.ts', import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { url: line.toString().trim(), close: () => void child.stdin.end() }
}
