import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { allocationFlags } from './allocation.ts'
import { nodeFlags } from './callgrind.ts'
import { ChildFailed, run } from './child.ts'
import type { Work } from './pipeline-ways.ts'

/** Instructions: of the machine code that V8 made of JavaScript and of its builtins, and of all else. */
export interface Counted {
  readonly script: number
  readonly rest: number
}

/**
 * Per bar of a warm run over the same bars, sending included, each the least of four runs. `script` repeats to 0.05 %; in
 * the rest, a twentieth of it all, a collection of garbage or a function compiled anew falls into one side or the other by
 * luck, and it differs from itself by as much again.
 */
export interface CountedTurns {
  readonly base: Counted
  readonly head: Counted
}

const file = fileURLToPath(new URL('telemetry-turns.ts', import.meta.url))

/**
 * Counts by callgrind what one run of the bare engine and one observed take, in one process. Counting is off while that
 * process starts, makes its bars and warms up, which are nine tenths of what it does, and is switched on for the runs.
 * The young generation is so large that hardly any garbage is collected meanwhile: whose run that fell into would be luck.
 */
export async function countTurns(work: Work, way: string, bars: number): Promise<CountedTurns> {
  const folder = await mkdtemp(join(tmpdir(), 'tapescope-callgrind-'))
  const callgrind = ['--tool=callgrind', '--instr-atstart=no', `--callgrind-out-file=${folder}/counts`]
  const program = [
    process.execPath,
    ...nodeFlags,
    ...allocationFlags,
    file,
    '--counted',
    '--work',
    work,
    '--way',
    way,
    '--bars',
    String(bars),
  ]
  const child = spawn('valgrind', [...callgrind, `--log-file=${folder}/log`, ...program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const ended = once(child, 'close')
    const control = async (...args: string[]): Promise<unknown> =>
      run('callgrind_control', [...args, String(child.pid)], { timeoutSeconds: 60 })
    const sides: string[] = []
    for await (const word of createInterface({ input: child.stdout })) {
      if (word === 'done') await control('--dump')
      else {
        await control(...(sides.length === 0 ? ['--instr=on'] : ['--zero']))
        sides.push(word)
      }
      child.stdin.write('\n')
    }
    const [code] = (await ended) as [number | null]
    if (code !== 0)
      throw new ChildFailed(`callgrind ended with ${code}: ${await readFile(`${folder}/log`, 'utf8')}`)
    const counts = await dumped(folder)
    const least = (side: string, part: keyof Counted): number =>
      Math.min(...counts.filter((_, run) => sides[run] === side).map((counted) => counted[part])) / bars
    const of = (side: string): Counted => ({ script: least(side, 'script'), rest: least(side, 'rest') })
    return { base: of('base'), head: of('head') }
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

/** What each dump counted, in the order in which they were asked for. */
async function dumped(folder: string): Promise<Counted[]> {
  const names = (await readdir(folder)).filter((name) => /^counts\.\d+$/.test(name)).sort()
  return Promise.all(names.map(async (name) => readDump(await readFile(join(folder, name), 'latin1'))))
}

/**
 * Sums what callgrind wrote by function. Code that V8 makes has no symbol, so its name is its address.
 * Format: valgrind.org/docs/manual/cl-format.html, one event, names compressed; the line after `calls=` is inclusive.
 */
export function readDump(text: string): Counted {
  const total = /^(?:totals|summary): (\d+)/m.exec(text)
  if (total === null) throw new ChildFailed('callgrind wrote no total')
  const names = new Map<string, string>()
  let isScript = false
  let script = 0
  let inclusive = false
  for (const line of text.split('\n')) {
    const named = /^(c?fn)=\((\d+)\)(?: (.*))?$/.exec(line)
    if (named !== null) {
      const [, role, id, name] = named
      if (name !== undefined) names.set(id, name)
      if (role === 'fn') isScript = /^(?:0x|Builtins_)/.test(names.get(id) ?? '')
    } else if (line.startsWith('calls=')) inclusive = true
    else if (/^[\d+*-]/.test(line)) {
      if (isScript && !inclusive) script += Number(line.split(' ')[1] ?? 0)
      inclusive = false
    }
  }
  return { script, rest: Number(total[1]) - script }
}
