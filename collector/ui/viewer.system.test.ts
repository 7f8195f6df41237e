import { axeFindings } from './axe-page.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type MadeSpan, madeSpans, spanIdOf } from '../store/made-spans.ts'
import { largeTrace, measurePage } from './measure-page.ts'

vi.setConfig({ testTimeout: 600_000 })

const root = join(import.meta.dirname, '..', '..')
const shots = join(root, 'out', 'viewer')
/** Where the pictures of the READMEs go as well, from the root; `npm run pictures` makes them anew. */
const pictures = process.env['TAPESCOPE_PICTURES']
const folder = mkdtempSync(join(tmpdir(), 'tapescope-viewer-'))
let start: ChildProcess
let browser: Browser
let page: Page
let said: string[] = []
/** How long a state may take to come: a machine on which everything takes twenty times as long is no failure. */
const PATIENCE_MS = 90_000
/** Requests that a test makes the sidecar refuse: Chromium says so on the console, at a time of its own. */
const refused = /\/api\/(?:import|traces\/0\/)/
let result: { urls: Record<string, string>; trace_ids: Record<string, string> }
let viewer: string
let otlp: string
interface Run {
  readonly kind: string
  readonly traceId: string
  readonly spanId: string
}
let first: Run
let second: Run

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
  await runAnother()
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  // Without motion what is drawn is drawn at once, and a picture is of what stays.
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
  page.setDefaultTimeout(PATIENCE_MS)
  // A violation of the policy, an error of a script and a failed request all end here.
  page.on('console', (message) => {
    if (message.type() !== 'error' || refused.test(message.location().url)) return
    said.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => {
    // speedscope would compile the WebAssembly of its source maps, which its policy forbids and nobody needs.
    if (error.name === 'CompileError' && page.url().includes('/speedscope/')) return
    said.push(error.stack ?? error.message)
  })
}, 600_000)

beforeEach(() => {
  said = []
})

/** A second backtest beside the one of the start, of other years, with a part of its CPU samples. */
async function runAnother(): Promise<void> {
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
  if (!response.ok) throw new Error(await response.text())
  const backtests = async () =>
    (await json<{ runs: Run[] }>('/api/runs')).runs.filter(({ kind }) => kind === 'backtest')
  while ((await backtests()).length < 2) await sleep(200)
  ;[second, first] = await backtests()
  // Whether a second run so soon is sampled is a matter of time: it gets the first one's samples, a part of them.
  let run: ProfileFile | undefined
  while (run === undefined) {
    const { profiles } = await json<{ profiles: ProfileFile[] }>(`/api/traces/${first.traceId}/export`)
    run = profiles.find(({ spans }) => spans.some(({ spanId }) => spanId === first.spanId))
    if (run === undefined) await sleep(200)
  }
  const { spans, samples } = run
  const keep = samples.stack.flatMap((_, i) =>
    spans[samples.span[i]]?.spanId === first.spanId && i % 3 > 0 ? [i] : [],
  )
  const column = (values: number[]) => keep.map((i) => values[i])
  const { timeUs, weightUs, stack } = samples
  const sent = await fetch(`${viewer}/api/profiles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...run,
      samples: {
        timeUs: column(timeUs),
        weightUs: column(weightUs),
        stack: column(stack),
        span: keep.map(() => 0),
      },
      spans: [{ traceId: second.traceId, spanId: second.spanId, name: 'backtest.run' }],
    }),
  })
  if (!sent.ok) throw new Error(await sent.text())
}

afterAll(async () => {
  await browser?.close()
  if (start?.exitCode === null) {
    start.kill('SIGTERM')
    await once(start, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A screenshot into the build's output; those that the docs show are made anew when that is asked for. */
async function picture(name: string, fullPage = false): Promise<void> {
  await drawn()
  const path = join(shots, `${name}.png`)
  await page.screenshot({ path, fullPage })
  if (pictures === undefined) return
  const kept = join(root, pictures, `${name}.png`)
  if (existsSync(kept)) copyFileSync(path, kept)
}

/** Until what was asked for is there and painted. */
async function drawn(): Promise<void> {
  await page.waitForFunction(() => !document.body.textContent.includes('Loading…'))
  await page.evaluate(async () => {
    await document.fonts.ready
    for (let i = 0; i < 3; i++) await new Promise((resolve) => requestAnimationFrame(resolve))
  })
}

async function open(hash: string): Promise<void> {
  await page.goto('about:blank')
  await page.goto(`${viewer}/#/${hash}`)
}

test('one click leads from the printed URL to the CPU inside the slowest stage of the backtest', async () => {
  await page.goto(result.urls['flame_graph'])
  await page.getByRole('row').nth(3).waitFor()
  await page.getByRole('link', { name: /^CPU in stage\./ }).waitFor()
  await picture('viewer-trace')
  await page.getByRole('link', { name: /^CPU in stage\./ }).click()
  await page.getByRole('heading', { name: /^CPU inside stage\./ }).waitFor()
  await page.locator('.graph rect').nth(5).waitFor()
  expect(await page.locator('.facts').first().textContent()).toMatch(/[\d,]+ samples, .* of CPU/)
  // Frames of the engine, with their share and samples.
  await page
    .locator('.graph g', { hasText: /onBar|decide/ })
    .first()
    .waitFor()
  await picture('viewer-cpu')
  expect(said).toEqual([])
})

test('every stage of both runs answers with its functions: their samples, or that none passes through them', async () => {
  let sampled = 0
  for (const trace of [result.trace_ids['backtest'], result.trace_ids['signals']]) {
    const { spans } = await json<{ spans: { spanId: string; name: string }[] }>(`/api/traces/${trace}`)
    const stages = spans.filter(({ name }) => name.startsWith('stage.'))
    expect(stages.length).toBeGreaterThanOrEqual(4)
    for (const { spanId, name } of stages) {
      const response = await fetch(`${viewer}/api/spans/${spanId}/profile?trace=${trace}`)
      const body = (await response.json()) as { name?: string; detail?: string }
      if (response.ok) sampled++
      expect(body.name ?? body.detail, name).toMatch(/ through \S+\.ts \w+/)
    }
  }
  expect(sampled).toBeGreaterThanOrEqual(4)
})

test('a flame graph zooms and highlights; speedscope opens the same samples', async () => {
  const { spans } = await json<{ spans: { spanId: string; name: string }[] }>(`/api/traces/${first.traceId}`)
  const stage = spans.find(({ name }) => name === 'stage.strategy')!
  await open(`cpu?trace=${first.traceId}&span=${stage.spanId}`)
  await page
    .locator('.graph g', { hasText: /onBar|decide/ })
    .last()
    .click()
  await page.getByRole('button', { name: 'Whole graph' }).click()
  await page.getByRole('searchbox').fill('step')
  const deep = await page.getByRole('link', { name: 'speedscope' }).getAttribute('href')
  await page.goto(viewer + deep)
  await page.waitForFunction(() => document.title.includes('stage.'))
  await drawn()
  await page.screenshot({ path: join(shots, 'viewer-speedscope.png') })
  expect(said).toEqual([])
})

test('an answer that the next choice cuts off breaks no panel', async () => {
  await open(`trace/${first.traceId}`)
  await page.getByRole('row').nth(3).waitFor()
  await page.evaluate(() => {
    const { fetch } = globalThis
    globalThis.fetch = (address, init) => {
      if (!(address as string).includes('/spans/')) return fetch(address, init)
      // The head is there and the body never ends; it breaks off when it is not wanted any more.
      const body = new ReadableStream({
        start: (body) => init!.signal!.addEventListener('abort', () => body.error(init!.signal!.reason)),
      })
      return Promise.resolve(new Response(body))
    }
  })
  const grid = page.getByRole('grid')
  const panel = page.getByRole('complementary')
  const heading = async () => panel.getByRole('heading').first().textContent()
  await grid.press('Home')
  await panel.getByText('Loading…').waitFor()
  const before = await heading()
  await grid.press('ArrowDown')
  await expect.poll(heading, { timeout: PATIENCE_MS }).not.toBe(before)
  await panel.getByText('Loading…').waitFor()
  await grid.press('Escape')
  await panel.waitFor({ state: 'detached' })
  await drawn()
  expect(said).toEqual([])
})

test('runs and traces are found by what they are', async () => {
  await open('runs')
  const [{ revision }] = (await json<{ runs: { revision: string | null }[] }>('/api/runs')).runs
  // Without a checkout nobody knows it.
  expect(String(revision)).toMatch(existsSync(join(root, '.git')) ? /^[0-9a-f]{40}$/ : /^null$/)
  if (revision !== null)
    await page
      .getByText(`revision=${revision.slice(0, 10)}`)
      .first()
      .waitFor()
  await page.getByRole('link', { name: 'backtest' }).first().waitFor()
  // A question stores nothing and is a replay: listed when that is asked for.
  await json('/api/v1/events?symbol=SPX&timeframe=1d', result.urls['service'])
  const rows = async () => page.getByRole('checkbox', { name: /^Compare / }).count()
  const listed = await rows()
  await page.getByRole('checkbox', { name: 'replays' }).check()
  await expect.poll(rows, { timeout: PATIENCE_MS }).toBeGreaterThan(listed)
  await page.getByRole('searchbox').fill('nothing has this')
  await page.getByText('No run has').waitFor()
  await open(`traces?name=backtest.run&minDurationMs=1`)
  await page
    .getByRole('link', { name: /process backtests/ })
    .first()
    .click()
  await page.getByRole('grid').waitFor()
  await page.getByRole('searchbox').fill('wyckoff_spring')
  await page.getByText('1 found').waitFor()
  await page.getByRole('grid').press('End')
  await page.getByRole('complementary').getByText('tapescope.run.strategy').waitFor()
  await picture('viewer-span')
  expect(said).toEqual([])
})

test('traces are searched by each field of the page, and the address says what was asked', async () => {
  await open('traces')
  const rows = page.locator('tbody tr')
  const fill = async (field: string, text: string) => {
    await page.getByRole('searchbox', { name: field }).fill(text)
    await page.keyboard.press('Enter')
  }
  await fill('Service', 'tapescope-service')
  await fill('key:value', 'tapescope.run.strategy:wyckoff_spring')
  await expect.poll(() => rows.count(), { timeout: PATIENCE_MS }).toBe(1)
  await fill('Span name', 'backtest.run')
  await fill('Longer than, ms', '0.001')
  await expect.poll(() => rows.count(), { timeout: PATIENCE_MS }).toBe(1)
  expect(decodeURIComponent(page.url())).toMatch(
    /service=tapescope-service.*attribute=tapescope\.run\.strategy:wyckoff_spring/,
  )
  await page.getByRole('checkbox', { name: 'errors' }).check()
  await page.getByText('No trace in the store matches.').waitFor()
  await page.getByRole('checkbox', { name: 'errors' }).uncheck()
  await fill('Service', 'nobody')
  await page.getByText('No trace in the store matches.').waitFor()
  expect(said).toEqual([])
})

test('the waterfall tells self time and the critical path, the panel the decisions of a run with their attributes', async () => {
  const { runs } = await json<{ runs: Run[] }>('/api/runs')
  const { traceId, spanId } = runs.find(
    (run) => run.kind === 'signals' && run.traceId === result.trace_ids['signals'],
  )!
  await open(`trace/${traceId}?span=${spanId}`)
  await page.locator('.row.chosen .time', { hasText: /self [\d.]+ (?:µs|ms)/ }).waitFor()
  await page.locator('.row .span.critical').first().waitFor()
  const summary = page.locator('summary', { hasText: /(?:PATTERN|SIGNAL|REJECTION)$/ })
  const event = page.locator('.panel .event').filter({ has: summary }).first()
  await event.locator('summary').click()
  await event.getByRole('rowheader').first().waitFor()
  expect(await event.getByRole('row').count()).toBeGreaterThan(1)
  expect(said).toEqual([])
})

test('two runs are compared by span path and as a difference', async () => {
  await open('runs')
  await expect
    .poll(() => page.getByRole('checkbox', { name: /^Compare / }).count(), { timeout: PATIENCE_MS })
    .toBeGreaterThanOrEqual(3)
  for (const place of [0, 2])
    await page
      .getByRole('checkbox', { name: /^Compare / })
      .nth(place)
      .check()
  await picture('viewer-runs')
  await page.getByRole('button', { name: 'Compare 2/2' }).click()
  await page.getByRole('cell', { name: 'stage.strategy' }).first().waitFor()
  await page.locator('.graph rect').nth(3).waitFor()
  await picture('viewer-compare')
  expect(said).toEqual([])
})

test('CPU samples of two runs are compared, and the slowest of a name with the rest', async () => {
  await open(`compare?a=${first.traceId}&b=${second.traceId}`)
  await page.getByRole('link', { name: 'CPU samples' }).click()
  await page.getByRole('columnheader', { name: 'Samples A' }).waitFor()
  await page.locator('.graph rect').nth(3).waitFor()
  await picture('viewer-compare-cpu')
  await open(`cpu?name=backtest.run`)
  await page
    .getByText(/[\d,]+ samples, .* of CPU/)
    .first()
    .waitFor()
  await page.getByRole('link', { name: 'Slowest 5 % against the rest' }).click()
  await page.getByText(/samples of the slowest 5 %, [\d,]+ of the rest/).waitFor()
  await page.locator('.graph rect').nth(3).waitFor()
  await picture('viewer-slowest')
  expect(said).toEqual([])
})

test('metrics tell calls, rates and durations, and an exemplar opens its trace', async () => {
  await open('metrics?span=backtest.run')
  await page.locator('.u-over').nth(1).waitFor()
  // Some calls, so that there is something to see; in a picture for the docs over half a minute.
  for (let batch = 0; batch < (pictures === undefined ? 1 : 6); batch++) {
    if (batch > 0) await sleep(5000)
    for (let i = 0; i < 40 + 25 * (batch % 3); i++)
      await json('/api/v1/signals/active?symbol=SPX', result.urls['service'])
  }
  await open('metrics?span=GET%20%2Fapi%2Fv1%2Fsignals%2Factive&minutes=5')
  await page.getByRole('heading', { name: 'signals/active' }).waitFor()
  await page.locator('.u-over').nth(1).waitFor()
  await picture('viewer-metrics')
  const point = page.locator('.card .facts a').first()
  await point.click()
  await page.getByRole('grid').waitFor()
  await page.getByRole('complementary').getByText('http.response.status_code').first().waitFor()
  expect(said).toEqual([])
})

test('every view is reached and used by keyboard alone', async () => {
  // From here on the bars without a service in their address are this service's.
  await page.goto(result.urls['bars'])
  await page.getByRole('cell', { name: 'SPRING' }).first().waitFor()
  await open('runs')
  await page.getByRole('link', { name: 'backtest' }).first().waitFor()
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('To the content')
  for (const [key, path] of [
    ['2', 'traces'],
    ['3', 'bars'],
    ['4', 'compare'],
    ['5', 'metrics'],
    ['6', 'health'],
    ['1', 'runs'],
  ]) {
    await page.keyboard.press(key)
    await page.waitForFunction((path) => location.hash.startsWith(`#/${path}`), path)
  }
  await page.getByRole('searchbox').waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('SPX 6')
  expect(await page.getByRole('searchbox').inputValue()).toBe('SPX 6')
  await open(`trace/${result.trace_ids['signals']}`)
  const grid = page.getByRole('grid')
  await grid.focus()
  await grid.press('Home')
  await grid.press('ArrowDown')
  await page.getByRole('complementary').waitFor()
  const rows = async () => Number(await grid.getAttribute('aria-rowcount'))
  const all = await rows()
  await grid.press('Home')
  await grid.press('ArrowLeft')
  await expect.poll(rows, { timeout: PATIENCE_MS }).toBe(1)
  await grid.press('ArrowRight')
  await expect.poll(rows, { timeout: PATIENCE_MS }).toBe(all)
  await grid.press('f')
  await grid.press('0')
  await grid.press('Escape')
  await page.getByRole('complementary').waitFor({ state: 'detached' })
  expect(said).toEqual([])
})

test('a click on a signal opens its decision chain and the trace that made it', async () => {
  await page.goto('about:blank')
  await page.goto(result.urls['bars'])
  await page.getByRole('cell', { name: 'SPRING' }).first().waitFor()
  await page.getByText(/, \d+ events, \d+ trades/).waitFor()
  await page.locator('canvas').press('ArrowLeft')
  await page.getByRole('heading', { name: /SPRING LONG/ }).waitFor()
  await picture('viewer-bars', true)
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
  await page.locator('input[type=file]').setInputFiles(file)
  await page.getByRole('grid').waitFor()
  expect(page.url()).toContain(result.trace_ids['backtest'])
  expect(said).toEqual([])
})

test('hostile, circular, orphaned, skewed and empty spans are text, and each is shown', async () => {
  const name = '<img src=x onerror="document.title=1"><script>alert(1)</script>\u202e'
  const attributes = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, i) => [`${name}${i}`, { stringValue: name }]),
  )
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
  const trace = 'e'.repeat(32)
  for (let i = 0; i < largeTrace.length; i += 5000) await send(trace, largeTrace.slice(i, i + 5000))
  const figures = await measurePage(page, viewer, trace)
  await page.getByText('100,000 spans').waitFor()
  expect(figures.rows).toBeGreaterThan(50_000)
  expect(figures.rowsInDocument).toBeLessThan(120)
  // For those who read the log; no test asserts a speed, npm run bench:viewer prints the figures.
  console.log(JSON.stringify(figures))
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
    const linked = 'f'.repeat(32)
    await send(linked, [
      { id: 1, name: 'sweep', links: [{ traceId: trace, spanId: first.spanId }], events: ['SIGNAL'] },
    ])
    const { data } = await json<{ data: { id: string }[] }>(
      '/api/v1/patterns?symbol=SPX&timeframe=1d&limit=1',
      result.urls['service'],
    )
    for (const [name, hash, ready] of [
      ['runs', 'runs', 'table'],
      ['traces', 'traces', 'table'],
      ['trace', `trace/${trace}`, '.row'],
      ['span', `trace/${first.traceId}?span=${first.spanId}`, '.attributes'],
      ['linked', `trace/${linked}?span=${spanIdOf(1)}`, '.panel code'],
      ['flame', `trace/${trace}?view=flame`, '.graph rect'],
      ['cpu', `cpu?trace=${first.traceId}&span=${first.spanId}`, '.graph rect'],
      ['cpu-name', 'cpu?name=backtest.run', '.graph rect'],
      ['cpu-slow', 'cpu?name=backtest.run&part=slow', '.graph rect'],
      ['compare', `compare?a=${first.traceId}&b=${second.traceId}`, '.graph rect'],
      ['compare-cpu', `compare?a=${first.traceId}&b=${second.traceId}&of=cpu`, '.graph rect'],
      ['bars', bars, '.list td'],
      ['signal', `${bars}&pattern=${data[0].id}`, '.card'],
      ['metrics', 'metrics', '.u-over'],
      ['health', 'health', 'table'],
      ['import', 'runs', '.problem'],
      ['nothing', 'trace/0', '.problem'],
    ] as const) {
      await open(hash)
      if (name === 'import')
        await page.locator('input[type=file]').setInputFiles({
          name: 'broken.json',
          mimeType: 'application/json',
          buffer: Buffer.from('{}'),
        })
      await page.locator(ready).first().waitFor()
      await drawn()
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

test('what a running service still sends comes into the list of runs by itself', async () => {
  await open('runs')
  await page.getByRole('link', { name: 'backtest' }).first().waitFor()
  const before = await page.getByRole('checkbox', { name: /^Compare / }).count()
  await send('1'.repeat(32), [{ id: 1, name: 'signals.generate', ms: 12 }])
  await expect
    .poll(() => page.getByRole('checkbox', { name: /^Compare / }).count(), { timeout: PATIENCE_MS })
    .toBe(before + 1)
})

interface ProfileFile {
  readonly samples: Record<'timeUs' | 'weightUs' | 'stack' | 'span', number[]>
  readonly spans: { readonly spanId: string }[]
}

async function json<Answer>(path: string, base = viewer): Promise<Answer> {
  return (await (await fetch(base + path)).json()) as Answer
}

/** Sends spans of one trace as OTLP. */
async function send(traceId: string, spans: readonly MadeSpan[]): Promise<void> {
  const body = new Uint8Array(madeSpans(traceId, spans))
  const headers = { 'content-type': 'application/x-protobuf' }
  const post = async () => (await fetch(`${otlp}/v1/traces`, { method: 'POST', headers, body })).status
  // A sidecar that is busy asks to come again.
  await expect.poll(post, { timeout: PATIENCE_MS }).toBe(200)
}
