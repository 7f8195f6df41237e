// Prints the viewer's figures (docs/viewer.md). Run: npm run bench:viewer
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { ensurePage } from '../ensure-page.ts'
import { scanTraces } from '../otlp/trace-batch.ts'
import { madeSpans } from '../store/made-spans.ts'
import { TraceStore } from '../store/trace-store.ts'
import { Telemetry } from '../telemetry.ts'
import { createViewer } from '../viewer.ts'
import { largeTrace, measurePage, pageBytes } from './measure-page.ts'

const RUNS = 5
const dist = join(import.meta.dirname, 'dist')
const wrong = await ensurePage(dist)
if (wrong !== undefined) throw new Error(wrong)
const dir = mkdtempSync(join(tmpdir(), 'viewer-figures-'))
const store = new TraceStore({ maxBytes: 2 ** 28, dir })
const trace = 'e'.repeat(32)
for (let i = 0; i < largeTrace.length; i += 512)
  store.append(scanTraces(madeSpans(trace, largeTrace.slice(i, i + 512))))
const viewer = createViewer({ endpoint: '127.0.0.1:0', store, telemetry: new Telemetry(), pageDir: dist })
const base = `http://${await viewer.listen()}`
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  const runs = []
  const columnsCpu: number[] = []
  for (let i = 0; i < RUNS; i++) {
    const before = process.cpuUsage()
    JSON.stringify(await store.columns(trace))
    const { user, system } = process.cpuUsage(before)
    columnsCpu.push((user + system) / 1000)
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    runs.push(await measurePage(page, base, trace))
    await page.close()
  }
  const first = runs.map(({ firstViewMs }) => firstViewMs).sort((a, b) => a - b)
  const median = (values: number[]): string => values.sort((a, b) => a - b)[RUNS >> 1].toFixed(0)
  const long = runs.flatMap(({ longTasks }) => longTasks)
  const [one] = runs
  const lines: readonly (readonly [string, string, string])[] = [
    ['page, gzip, without speedscope', `${(pageBytes(dist) / 1000).toFixed(1)} kB`, '<= 120 kB'],
    [
      `first view of ${largeTrace.length.toLocaleString('en')} spans, median of ${RUNS}`,
      `${first[Math.floor(RUNS / 2)].toFixed(0)} ms (${first[0].toFixed(0)} to ${first.at(-1)!.toFixed(0)})`,
      '<= 1000 ms',
    ],
    [
      'CPU time of it: sidecar, and main thread of the page',
      `${median(columnsCpu)} and ${median(runs.map(({ pageCpuMs }) => pageCpuMs))} ms`,
      '',
    ],
    [
      `tasks over 50 ms in ${RUNS} scrolls of ${one.rows.toLocaleString('en')} rows`,
      long.length === 0 ? 'none' : `${long.length}: ${long.join(', ')} ms`,
      'none',
    ],
    [
      'between two frames, median and longest',
      `${one.frameMs.map((ms) => ms.toFixed(0)).join(' and ')} ms`,
      '',
    ],
    ['rows in the document', String(one.rowsInDocument), ''],
  ]
  for (const [what, figure, target] of lines)
    process.stdout.write(`${what.padEnd(52)} ${figure.padEnd(24)} ${target}\n`)
  process.stdout.write(`load ${loadavg()[0].toFixed(1)} at the end\n`)
} finally {
  await browser.close()
  await viewer.close(Date.now())
  store.close()
  rmSync(dir, { recursive: true })
}
