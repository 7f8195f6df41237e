import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process and when it began: a process id alone is given to somebody else after a while. */
export interface ProcessIdentity {
  pid: number
  began: string
}

/** Undefined when there is no such process, or a dead one that nobody has waited for. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name, in parentheses, may hold anything; after it: state, then field 22 counted from 1 is the start.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : { pid, began: fields[19] }
    } catch {
      return undefined
    }
  }
  const result = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  const began = result.stdout?.trim() ?? ''
  return began === '' ? undefined : { pid, began }
}

export function isStillRunning({ pid, began }: ProcessIdentity): boolean {
  return identify(pid)?.began === began
}
