import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BarSeries, Preset } from '@tapescope/engine'

/** Time of one pass in ns, and the numbers by which results are compared. */
export type Answer = readonly [ns: number, first: number, second: number, ...more: number[]]

export interface Reference {
  /** Hands over bars; not timed. */
  load(bars: BarSeries): Promise<void>
  pass(command: 'volume' | `sma ${number} ${number}` | `signals ${Preset}`): Promise<Answer>
  close(): Promise<void>
}

/** Compiles the C reference and starts it in a process of its own; undefined where there is no gcc. */
export function startReference(): Reference | undefined {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tapescope-reference-'))
  const binary = path.join(folder, 'reference')
  const sources = ['reference.c', 'signals.c', 'backtest.c'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  )
  try {
    execFileSync('gcc', ['-O3', '-march=native', '-std=c11', '-o', binary, ...sources, '-lm'], {
      stdio: 'pipe',
    })
  } catch (error) {
    rmSync(folder, { recursive: true })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const ask = async (command: string): Promise<Answer> => {
    child.stdin.write(`${command}\n`)
    const answer = await lines.next()
    if (answer.done === true) throw new Error(`the C reference ended at ${command}`)
    const [ns, first, second, ...more] = answer.value.split(' ').map(Number)
    return [ns, first, second, ...more]
  }
  return {
    async load({ time, open, high, low, close, volume, length }) {
      const file = path.join(folder, 'bars')
      const columns = [open, high, low, close, volume, time]
      writeFileSync(file, Buffer.concat(columns.map((column) => Buffer.from(column.slice(0, length).buffer))))
      await ask(`load ${file} ${length}`)
    },
    pass: ask,
    async close() {
      child.stdin.end()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}
