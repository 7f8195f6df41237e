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

export interface CountedTurns {
  /**
   * Instructions per bar of a warm run over the same bars, sending included: the least of three runs, as a collection of
   * garbage or a function compiled anew falls into one or the other by luck.
   */
  readonly base: number
  readonly head: number
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
    const least = (side: string): number => Math.min(...counts.filter((_, run) => sides[run] === side)) / bars
    return { base: least('base'), head: least('head') }
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

/** What each dump counted, in the order in which they were asked for. */
async function dumped(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => /^counts\.\d+$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const total = /^(?:totals|summary): (\d+)/m.exec(await readFile(join(folder, name), 'latin1'))
      if (total === null) throw new ChildFailed(`callgrind wrote no total into ${name}`)
      return Number(total[1])
    }),
  )
}
