import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { spawnSidecar, type TestSidecar } from './fixtures/spawn-sidecar.ts'

const root = join(import.meta.dirname, '..')
const shots = join(root, 'out', 'viewer')
const folder = mkdtempSync(join(tmpdir(), 'tapescope-profile-page-'))
const said: string[] = []
let sidecar: TestSidecar
let browser: Browser
let page: Page
let stderr = ''

beforeAll(async () => {
  mkdirSync(shots, { recursive: true })
  sidecar = await spawnSidecar()
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: sidecar.otlp,
    TAPESCOPE_VIEWER_URL: sidecar.viewer,
  }
  const example = join(root, 'examples', '04-observed-backtest', 'main.ts')
  const options = ['--interval-us', '200', '--out', join(folder, 'backtest')]
  const command = [join(root, 'sdk', 'cli.ts'), 'profile', ...options, '--', 'node', example]
  stderr = (await promisify(execFile)(process.execPath, command, { cwd: folder, env })).stderr
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  page.on('pageerror', (error) => said.push(error.message))
})
afterAll(async () => {
  await browser?.close()
  await sidecar?.close()
  rmSync(folder, { recursive: true })
})

test('the link that tapescope profile prints opens the flame graph of the backtest that just ran', async () => {
  const [link] = /http:\/\/127\S+/.exec(stderr) ?? []
  await page.goto(link ?? '')
  await page.getByRole('heading', { name: 'CPU inside backtest.run' }).waitFor()
  await page.getByText(/\d+ samples, .* of CPU/).waitFor()
  await page
    .locator('.graph g', { hasText: /onBar|decide/ })
    .first()
    .waitFor()
  // Until labels stand in the frames.
  await page.waitForTimeout(500)
  await page.screenshot({ path: join(shots, 'profile-cpu.png') })
  expect(said).toEqual([])
})

test('speedscope opens the file that it writes, a profile per span', async () => {
  await page.goto(`${sidecar.viewer}/speedscope/`)
  await page.locator('input[type=file]').setInputFiles(join(folder, 'backtest.speedscope.json'))
  await page.getByText('all samples').first().waitFor()
  await page.keyboard.press('n')
  await page.getByText('backtest.run').first().waitFor()
  await page.screenshot({ path: join(shots, 'profile-speedscope.png') })
  // Of the other formats that it reads one needs WebAssembly, which the page's policy does not allow.
  expect(said.filter((line) => !line.startsWith('WebAssembly.instantiate()'))).toEqual([])
})
