import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import type { MadeSpan } from '../store/made-spans.ts'

/** A run of 100,000 spans: 10,000 siblings of nine children each. */
export const largeTrace: readonly MadeSpan[] = Array.from({ length: 100_000 }, (_, i) => ({
  id: i + 1,
  ...(i > 0 && { parent: (i - 1) % 10 === 0 ? 1 : i - ((i - 1) % 10) + 1 }),
  name: i === 0 ? 'run' : `bar ${(i - 1) % 10}`,
  startMs: i / 100,
  ms: i === 0 ? 1000 : 1 + (i % 7),
}))

interface PageFigures {
  /** From the address to the first rows of the waterfall, ms. */
  readonly firstViewMs: number
  /** CPU time of it on the page's main thread, ms; other programs on the machine do not add to it. */
  readonly pageCpuMs: number
  /** Rows after everything is unfolded, and how many of them the document holds. */
  readonly rows: number
  readonly rowsInDocument: number
  /** Tasks over 50 ms while it scrolls from the first to the last row in 120 frames, ms each. */
  readonly longTasks: readonly number[]
  /** Median and longest time between two frames of it, ms. */
  readonly frameMs: readonly [median: number, longest: number]
}

/** Opens a trace with a cold page and scrolls through all of its rows. */
export async function measurePage(page: Page, viewer: string, traceId: string): Promise<PageFigures> {
  await page.goto('about:blank')
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const begun = performance.now()
  await page.goto(`${viewer}/#/trace/${traceId}`)
  await page.getByRole('row').nth(1).waitFor()
  const firstViewMs = performance.now() - begun
  const { metrics } = await devtools.send('Performance.getMetrics')
  const pageCpuMs = 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN)
  await page.getByRole('button', { name: 'Unfold' }).first().click()
  const grid = page.getByRole('grid')
  await page.waitForFunction(() => Number(document.querySelector('.rows')?.ariaRowCount ?? 0) > 1000)
  const scrolled = await page.evaluate(async () => {
    const longTasks: number[] = []
    new PerformanceObserver((list) =>
      longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration))),
    ).observe({ type: 'longtask' })
    const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve))
    const box = document.querySelector('.rows')!
    const frames: number[] = []
    let before = await frame()
    for (let i = 1; i <= 120; i++) {
      box.scrollTop = (box.scrollHeight * i) / 120
      const now = await frame()
      frames.push(now - before)
      before = now
    }
    frames.sort((a, b) => a - b)
    return { longTasks, frameMs: [frames[60], frames[119]] as [number, number] }
  })
  return {
    firstViewMs,
    pageCpuMs,
    rows: Number(await grid.getAttribute('aria-rowcount')),
    rowsInDocument: await page.getByRole('row').count(),
    ...scrolled,
  }
}

/** Bytes of the page as they go over the wire, compressed; speedscope is a page of its own. */
export function pageBytes(dist: string): number {
  const assets = readdirSync(join(dist, 'assets')).map((name) => join('assets', name))
  return ['index.html', ...assets].reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(dist, name))).length,
    0,
  )
}
