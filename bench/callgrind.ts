import { ChildFailed, run } from './child.ts'

/** Fixed seeds and no background threads: the count then repeats to a few millionths. */
export const nodeFlags = ['--predictable', '--single-threaded', '--hash-seed=1', '--random-seed=1']
const defaultRepeats = { few: 20, many: 60 }

/** Whether valgrind is on the PATH. */
export async function hasValgrind(): Promise<boolean> {
  try {
    await run('valgrind', ['--version'], { timeoutSeconds: 10 })
    return true
  } catch {
    return false
  }
}

/**
 * Instructions per unit of a benchmark of the checkout in `folder`, warm: the difference of two whole processes that
 * differ only in how often they repeat the work, so that start, loading and setup cancel out. About a minute.
 */
export async function countInstructions(
  folder: string,
  name: string,
  signal?: AbortSignal,
  { few, many } = defaultRepeats,
): Promise<number> {
  const count = async (iterations: number): Promise<{ total: number; units: number }> => {
    const args = [
      '--tool=callgrind',
      '--callgrind-out-file=/dev/null',
      '--log-fd=1',
      process.execPath,
      ...nodeFlags,
      'bench/measure.ts',
      '--case',
      name,
      '--mode',
      'instructions',
      '--iterations',
      String(iterations),
    ]
    const options = { cwd: folder, timeoutSeconds: 900, ...(signal === undefined ? {} : { signal }) }
    const output = await run('valgrind', args, options)
    const total = /Collected : (\d+)/.exec(output)
    const units = /"units":(\d+)/.exec(output)
    if (total === null || units === null) throw new ChildFailed(`callgrind gave no count for ${name}`)
    return { total: Number(total[1]), units: Number(units[1]) }
  }
  const short = await count(few)
  const long = await count(many)
  return (long.total - short.total) / ((many - few) * short.units)
}
