import { axeFindings } from './axe-page.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encode } from '../otlp/codec.ts'
import { TracesRequest } from '../otlp/schema.ts'

const root = join(import.meta.dirname, '..', '..')
const shots = join(root, 'out', 'viewer')
const folder = mkdtempSync(join(tmpdir(), 'tapescope-viewer-'))
let start: ChildProcess
let browser: Browser
let page: Page
let said: string[] = []
let result: { urls: Record<string, string>; trace_ids: Record<string, string> }
let viewer: string
let otlp: string

beforeAll(async () => {
  mkdirSync(shots, { recursive: true })
  const ports = ['port', 'otlp-port', 'viewer-port', 'prometheus-port', 'health-port', 'metrics-port']
  start = spawn(
    process.execPath,
    [
      join(root, 'service', 'start.ts'),
      '--json',
      '--data',
      join(folder, 'data'),
      ...ports.flatMap((name) => [`--${name}`, '0']),
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let stdout = ''
  let stderr = ''
  start.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  result = await new Promise((resolve, reject) => {
    start.stdout!.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      if (stdout.endsWith('\n')) resolve(JSON.parse(stdout) as typeof result)
    })
    start.once('exit', (code) => reject(new Error(`npm start ended with ${code}: ${stderr}`)))
  })
  viewer = result.urls['viewer']
  const log = readFileSync(join(folder, 'data', 'sidecar.log'), 'utf8')
  otlp = /OTLP\/HTTP (http:\/\/[\d.:]+)/.exec(log)![1]
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  page.setDefaultTimeout(12_000)
  // A violation of the policy, an error of a script and a failed request all end here.
  page.on('console', (message) => message.type() === 'error' && said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
})

afterAll(async () => {
  await browser?.close()
  if (start?.exitCode === null) {
    start.kill('SIGTERM')
    await once(start, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

async function open(hash: string): Promise<void> {
  await page.goto('about:blank')
  await page.goto(`${viewer}/#/${hash}`)
}

test('one click leads from the printed URL to the CPU inside the slowest stage of the backtest', async () => {
  await page.goto(result.urls['flame_graph'])
  await page.screenshot({ path: join(shots, 'viewer-trace.png') })
  await page.getByRole('link', { name: /^CPU in stage\./ }).click()
  await page.getByRole('heading', { name: /^CPU inside stage\./ }).waitFor()
  await page.locator('.graph rect').nth(5).waitFor()
  expect(await page.locator('.facts').first().textContent()).toMatch(/[\d,]+ samples, .* of CPU/)
  // Frames of the engine, with their share and samples.
  await page
    .locator('.graph g', { hasText: /onBar|decide/ })
    .first()
    .waitFor()
  await page.waitForTimeout(300)
  await page.screenshot({ path: join(shots, 'viewer-cpu.png') })
  expect(said).toEqual([])
})

test('a flame graph zooms and highlights; speedscope opens the same samples', async () => {
  await page
    .locator('.graph g', { hasText: /onBar|decide/ })
    .last()
    .click()
  await page.getByRole('button', { name: 'Whole graph' }).click()
  await page.getByRole('searchbox').fill('step')
  const deep = await page.getByRole('link', { name: 'speedscope' }).getAttribute('href')
  await page.goto(viewer + deep)
  await page.waitForFunction(() => document.title.includes('stage.'))
  await page.waitForTimeout(500)
  await page.screenshot({ path: join(shots, 'viewer-speedscope.png') })
  expect(await page.title()).toContain('stage.')
  said = []
})

test('runs and traces are found by what they are', async () => {
  await open('runs')
  await page.getByRole('link', { name: 'backtest' }).first().waitFor()
  await page.getByRole('searchbox').fill('nothing has this')
  await page.getByText('No run has').waitFor()
  await open(`traces?name=backtest.run&minDurationMs=1`)
  await page
    .getByRole('link', { name: /process backtests/ })
    .first()
    .click()
  await page.getByRole('grid').waitFor()
  await page.getByRole('searchbox').fill('wyckoff_all')
  await page.getByText('1 found').waitFor()
  await page.getByRole('grid').press('End')
  await page.getByRole('complementary').getByText('tapescope.run.strategy').waitFor()
  await page.screenshot({ path: join(shots, 'viewer-span.png') })
  expect(said).toEqual([])
})

test('two runs are compared by span path and as a difference', async () => {
  const body = JSON.stringify({
    symbol: 'SPX',
    timeframe: '1d',
    strategy: 'wyckoff_spring',
    start_date: '2005-01-03T00:00:00.000Z',
    end_date: '2015-01-05T00:00:00.000Z',
  })
  const response = await fetch(`${result.urls['service']}/api/v1/backtests/run?wait=60`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  expect(response.status).toBeLessThan(300)
  await open('runs')
  await expect.poll(() => page.getByRole('checkbox').count(), { timeout: 30_000 }).toBeGreaterThanOrEqual(3)
  for (const place of [0, 2]) await page.getByRole('checkbox').nth(place).check()
  await page.screenshot({ path: join(shots, 'viewer-runs.png') })
  await page.getByRole('button', { name: 'Compare 2/2' }).click()
  await page.getByRole('cell', { name: 'stage.strategy' }).first().waitFor()
  await page.locator('.graph rect').nth(3).waitFor()
  await page.waitForTimeout(300)
  await page.screenshot({ path: join(shots, 'viewer-compare.png') })
  expect(said).toEqual([])
})

test('a click on a signal opens its decision chain and the trace that made it', async () => {
  await page.goto('about:blank')
  await page.goto(result.urls['bars'])
  await page.locator('canvas').press('ArrowLeft')
  await page.getByRole('heading', { name: /SPRING LONG/ }).waitFor()
  await page.screenshot({ path: join(shots, 'viewer-bars.png'), fullPage: true })
  await page.getByRole('link', { name: 'The trace that made it' }).click()
  await page.getByRole('grid').waitFor()
  expect(page.url()).toContain(result.trace_ids['signals'])
  expect(said).toEqual([])
})

test('a run leaves as one file and comes back; a broken file is refused with a sentence', async () => {
  await open(`trace/${result.trace_ids['backtest']}`)
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Export' }).click()
  const file = join(folder, 'run.json')
  await (await download).saveAs(file)
  expect((JSON.parse(readFileSync(file, 'utf8')) as { format: string }).format).toBe('tapescope.run/1')
  await open('runs')
  await page.locator('input[type=file]').setInputFiles({
    name: 'broken.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"format":"tapescope.run/1","otlp":"AAAA","profiles":[]}'),
  })
  await page.getByText(/^broken\.json: otlp: /).waitFor()
  said = []
  await page.locator('input[type=file]').setInputFiles(file)
  await page.waitForTimeout(1000)
  await page.screenshot({ path: join(shots, 'import.png') })
  await page.getByRole('grid').waitFor()
  expect(page.url()).toContain(result.trace_ids['backtest'])
})

test('hostile, circular, orphaned, skewed and empty spans are text, and each is shown', async () => {
  const name = '<img src=x onerror="document.title=1"><script>alert(1)</script>\u202e'
  const attributes = Array.from({ length: 10_000 }, (_, i) => ({
    key: `${name}${i}`,
    value: { stringValue: name },
  }))
  await send('dddddddddddddddddddddddddddddddd', [
    { id: 1, name, attributes },
    { id: 2, parent: 3, name: 'circle a' },
    { id: 3, parent: 2, name: 'circle b' },
    { id: 4, parent: 99, name: 'orphan' },
    { id: 5, parent: 1, name: 'skewed', startMs: -5000 },
    { id: 6, parent: 1, name: '', ms: 0 },
  ])
  await open('trace/dddddddddddddddddddddddddddddddd')
  for (const text of ['circle a', 'circle b', 'orphan', 'skewed', '(no name)', '<img src=x'])
    await page.getByRole('row').filter({ hasText: text }).first().waitFor()
  await page.getByRole('row').filter({ hasText: '<img src=x' }).first().click()
  await page.getByText('Attributes (10,000)').waitFor()
  expect(await page.locator('img, main script').count()).toBe(0)
  expect(await page.title()).toContain('Tapescope')
  expect(said).toEqual([])
})

test('a trace of 100,000 spans is there, folds its siblings and scrolls with few rows in the document', async () => {
  const spans = Array.from({ length: 100_000 }, (_, i) => ({
    id: i + 1,
    // 10,000 siblings of nine children each.
    ...(i > 0 && { parent: (i - 1) % 10 === 0 ? 1 : i - ((i - 1) % 10) + 1 }),
    name: i === 0 ? 'run' : `bar ${(i - 1) % 10}`,
    startMs: i / 100,
    ms: i === 0 ? 1000 : 1 + (i % 7),
  }))
  const trace = 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee'
  for (let i = 0; i < spans.length; i += 5000) await send(trace, spans.slice(i, i + 5000))
  await page.goto('about:blank')
  const begun = performance.now()
  await page.goto(`${viewer}/#/trace/${trace}`)
  await page.getByRole('row').nth(1).waitFor({ timeout: 20_000 })
  const firstViewMs = performance.now() - begun
  await page.getByText('100,000 spans').waitFor()
  await page.getByRole('button', { name: 'Unfold' }).first().click()
  await expect
    .poll(async () => Number(await page.getByRole('grid').getAttribute('aria-rowcount')))
    .toBeGreaterThan(50_000)
  expect(await page.getByRole('row').count()).toBeLessThan(120)
  const longTasks = await page.evaluate(async () => {
    const found: number[] = []
    new PerformanceObserver((list) =>
      found.push(...list.getEntries().map((entry) => entry.duration)),
    ).observe({
      type: 'longtask',
    })
    const box = document.querySelector('.rows')!
    for (let i = 0; i < 60; i++) {
      box.scrollTop = (box.scrollHeight * i) / 60
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
    return found
  })
  // Figures for the documentation; no test asserts a speed.
  console.log(
    `100,000 spans: first view ${firstViewMs.toFixed(0)} ms, long tasks while scrolling [${longTasks.map(Math.round).join(', ')}]`,
  )
  expect(said).toEqual([])
})

test.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 390],
  ['dark', 390],
] as const)(
  'every view holds in %s at %i pixels, and axe finds nothing serious',
  async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 800 })
    const trace = result.trace_ids['backtest']
    const bars = result.urls['bars'].split('#/')[1]
    for (const [name, hash, ready] of [
      ['runs', 'runs', 'table'],
      ['traces', 'traces', 'table'],
      ['trace', `trace/${trace}`, '.row'],
      ['flame', `trace/${trace}?view=flame`, '.graph rect'],
      ['bars', bars, 'canvas'],
      ['metrics', 'metrics', 'table'],
      ['health', 'health', 'table'],
    ] as const) {
      await open(hash)
      await page.locator(ready).first().waitFor()
      await page.waitForTimeout(300)
      await page.screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`) })
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        name,
      ).toBeLessThanOrEqual(0)
      expect(await axeFindings(page), name).toEqual([])
    }
    expect(said).toEqual([])
  },
)

interface TestSpan {
  readonly id: number
  readonly parent?: number
  readonly name: string
  readonly startMs?: number
  readonly ms?: number
  readonly attributes?: { key: string; value: { stringValue: string } }[]
}

/** Sends spans of one trace as OTLP. */
async function send(traceId: string, spans: readonly TestSpan[]): Promise<void> {
  const hex = (id: number) => id.toString(16).padStart(16, '0')
  const ns = (ms: number) => String(BigInt(Math.round((1_795_000_000_000 + ms) * 1000)) * 1000n)
  const body = encode(TracesRequest, {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'made' } }] },
        scopeSpans: [
          {
            scope: { name: 'test' },
            spans: spans.map(({ id, parent, name, startMs = 0, ms = 1, attributes = [] }) => ({
              traceId,
              spanId: hex(id),
              ...(parent !== undefined && { parentSpanId: hex(parent) }),
              name,
              kind: 1,
              startTimeUnixNano: ns(startMs),
              endTimeUnixNano: ns(startMs + ms),
              attributes,
            })),
          },
        ],
      },
    ],
  })
  const response = await fetch(`${otlp}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: new Uint8Array(body),
  })
  expect(response.status).toBe(200)
}
