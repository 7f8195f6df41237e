// npm run bench:attribution: of the samples inside functions that run in one span only, how many are on that span. Each
// row is some fresh processes of sdk/fixtures/profiled-program.ts. Exit code 1 when a row misses what is promised.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { judgeProfile, type Verdict } from '../sdk/fixtures/judge-profile.ts'
import type { ProfileDocument } from '../sdk/profile-document.ts'

const processes = Number(process.argv[2] ?? 5)
const program = new URL('../sdk/fixtures/profiled-program.ts', import.meta.url).pathname

interface Shape {
  readonly name: string
  readonly about: string
  /** Least share on the right span; without one nothing may be guessed, and that is all. */
  readonly least?: number
}

const shapes: readonly Shape[] = [
  { name: 'sync', about: 'nested synchronous spans, 5 to 17 ms', least: 0.99 },
  { name: 'short', about: 'the same, 50 to 400 µs', least: 0.99 },
  { name: 'async-hook', about: 'three interleaved asynchronous spans, hook on', least: 0.99 },
  { name: 'async', about: 'the same without the hook' },
  { name: 'handed-on', about: 'spans that end in another callback' },
]

const folder = mkdtempSync(join(tmpdir(), 'tapescope-attribution-'))
let missed = false
try {
  process.stdout.write(
    `${processes} processes a row; Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}\n\n` +
      ' samples    right     none   wrong  spans\n',
  )
  for (const { name, about, least } of shapes) {
    const sum: Verdict = { right: 0, none: 0, wrong: 0 }
    for (let i = 0; i < processes; i += 1) {
      const file = join(folder, `${name}-${i}`)
      // One after the other: together they would share the cores that they are sampled on.
      await promisify(execFile)(process.execPath, [program, name, file])
      const text = readFileSync(`${file}.tapescope.json`, 'utf8')
      const { right, none, wrong } = judgeProfile(JSON.parse(text) as ProfileDocument)
      sum.right += right
      sum.none += none
      sum.wrong += wrong
    }
    const samples = sum.right + sum.none + sum.wrong
    const percent = (count: number): string => `${((100 * count) / samples).toFixed(2)} %`.padStart(8)
    const met = sum.wrong === 0 && sum.right / samples >= (least ?? 0)
    missed ||= !met
    process.stdout.write(
      `${String(samples).padStart(8)} ${percent(sum.right)} ${percent(sum.none)} ${String(sum.wrong).padStart(7)}  ${about}${met ? '' : '  MISSED'}\n`,
    )
  }
} finally {
  rmSync(folder, { recursive: true })
}
if (missed) process.exitCode = 1
