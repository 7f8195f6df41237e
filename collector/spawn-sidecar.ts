import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

interface SpawnOptions {
  readonly files: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** For Node itself. */
  readonly nodeArgs?: readonly string[]
  /** Node and the program, when they are not this one and that of this workspace. */
  readonly node?: string
  readonly program?: string
}

export interface SpawnedSidecar {
  readonly child: ChildProcess
  /** What listens where, from its line "ready". */
  readonly urls: Readonly<Record<string, string>>
  readonly stderr: () => string
  /** Its own metrics, by name and labels as in the text. */
  readonly metrics: () => Promise<Map<string, number>>
}

const PORTS = ['otlp', 'viewer', 'prometheus', 'health', 'metrics'].flatMap((name) => [`--${name}-port`, '0'])

/** Starts the sidecar in a process of its own, for tests and benchmarks, on free ports. The caller ends the process. */
export async function spawnSidecar(options: SpawnOptions): Promise<SpawnedSidecar> {
  const { files, args = [], env = {}, nodeArgs = [] } = options
  const { node = process.execPath, program = join(import.meta.dirname, 'main.ts') } = options
  const configs = files.flatMap((file) => ['--config', file])
  const child = spawn(node, [...nodeArgs, program, ...configs, ...PORTS, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stderr = ''
  const urls = await new Promise<Record<string, string>>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
      const ready = /ready: (.*)\n/.exec(stderr)
      if (ready)
        resolve(
          Object.fromEntries(
            ready[1]
              .split(', ')
              .map((part) => [part.slice(0, part.lastIndexOf(' ')), part.slice(part.lastIndexOf(' ') + 1)]),
          ),
        )
    })
    child.on('exit', (code) => reject(new Error(`exit ${code}: ${stderr}`)))
  })
  return {
    child,
    urls,
    stderr: () => stderr,
    async metrics() {
      const text = await (await fetch(urls['own metrics'])).text()
      return new Map(
        text
          .split('\n')
          .filter((line) => line !== '' && !line.startsWith('#'))
          .map((line) => [
            line.slice(0, line.lastIndexOf(' ')),
            Number(line.slice(line.lastIndexOf(' ') + 1)),
          ]),
      )
    },
  }
}
