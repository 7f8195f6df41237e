import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import type { LoadResult } from './load-result.ts'
import { seedService } from './seed-service.ts'
import { type ServiceStack, startServiceStack } from './service-stack.ts'
import { type CallName, calls } from './traffic-model.ts'

const root = dirname(dirname(import.meta.dirname))
const folder = mkdtempSync(join(tmpdir(), 'tapescope-load-'))
const data = join(folder, 'data')
let out: string
let runs = 0

let stack: ServiceStack
let proxy: FaultyProxy

beforeAll(async () => {
  const { signal } = new AbortController()
  stack = await startServiceStack({ root, folder: join(folder, 'own'), onNotice: () => undefined, signal })
  proxy = await startFaultyProxy(stack.url)
})
afterAll(async () => {
  proxy?.close()
  await stack?.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  out = join(folder, `out-${++runs}`)
})

function load(...args: string[]) {
  const child = spawn(process.execPath, ['bench/load/main.ts', ...args, '--out', out], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = (async () => {
    const [exitCode] = (await once(child, 'close')) as [number]
    return { exitCode, text }
  })()
  return { child, ended }
}

function report(): LoadResult {
  return JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as LoadResult
}

function throughProxy(): string[] {
  return ['--url', proxy.url, '--key', stack.key, '--viewer', stack.viewer]
}

/** Pid of a part of the service that the tool has started in `data`; waits until there is one. */
async function pidOf(name: string): Promise<number> {
  for (;;) {
    try {
      const text = readFileSync(join(data, 'running.json'), 'utf8')
      const { children } = JSON.parse(text) as { children: { name: string; pid: number }[] }
      const child = children.find((one) => one.name === name)
      if (child !== undefined) return child.pid
    } catch {
      // Not written yet.
    }
    await sleep(50)
  }
}

/** The generator begins when everything is ready; until then nothing is to be disturbed. */
async function untilLoading(): Promise<void> {
  while (!readdirSync('/proc').some(isGenerator)) await sleep(50)
}

function isGenerator(entry: string): boolean {
  try {
    return (
      /^\d+$/.test(entry) &&
      readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(join(root, 'bench/load/generator.ts'))
    )
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a service without bars is not loaded: 404 would be its honest answer', async () => {
  const { exitCode, text } = await load('custom', '--url', stack.url, '--key', stack.key).ended
  expect(exitCode).toBe(2)
  expect(text).toMatch(/30 of 30 series have no bars/)
  await seedService(stack, 1, () => undefined, new AbortController().signal)
})

test('a wrong key, and nobody there, are told in a sentence', async () => {
  const wrong = await load('custom', '--url', stack.url, '--key', 'wrong').ended
  expect(wrong).toMatchObject({ exitCode: 2 })
  expect(wrong.text).toMatch(/wants another API key/)
  const closed = await startFaultyProxy(stack.url)
  closed.close()
  const nobody = await load('custom', '--url', closed.url).ended
  expect(nobody).toMatchObject({ exitCode: 2 })
  expect(nobody.text).toContain(`${closed.url} does not answer (ECONNREFUSED)`)
})

test('a run against a service of its own: traces, followed jobs, reports, nothing left behind', async () => {
  const { exitCode, text } = await load(
    'custom',
    '--users',
    '10',
    '--spawn',
    '10',
    '--seconds',
    '5',
    '--data',
    data,
  ).ended
  const result = report()
  // On a machine that others use the generator may be late; the rest holds all the same.
  expect([0, 3], text).toContain(exitCode)
  expect(['PASS', 'INVALID']).toContain(result.verdict.kind)
  const { figures, jobs, burst, slowest, service } = result
  expect(figures.failed).toBe(0)
  expect(figures.answered).toBeGreaterThan(15)
  expect(figures.answered).toBe(figures.sent)
  expect(Object.values(figures.routes).reduce((sum, route) => sum + route.answered, 0)).toBe(figures.answered)
  expect(result.windows.reduce((sum, { answered }) => sum + answered, 0)).toBe(figures.answered)
  expect(jobs?.failed ?? []).toEqual([])
  expect(jobs?.completed).toBe(jobs?.followed)
  expect(burst).toMatchObject({ calls: 100, failed: 0 })
  expect(service.samples.length).toBeGreaterThan(0)
  const traced = slowest.filter(({ traceUrl }) => traceUrl !== null)
  expect(traced.length).toBeGreaterThan(0)
  expect(
    traced[0].spans!.some(({ name }) => name.includes(traced[0].call === 'detect' ? 'detect' : '')),
  ).toBe(true)
  const lines = text.split('\n').filter((line) => !/^(report:|warning:|[A-Z]+: )/.test(line))
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
  expect(readFileSync(join(out, 'routes.csv'), 'utf8')).toContain(`,all,${figures.answered},0,`)
  expect(existsSync(data)).toBe(false)
})

test('its page shows in a browser without an error and asks nobody for anything', async () => {
  await load('custom', '--users', '5', '--spawn', '5', '--seconds', '2', '--no-burst', ...throughProxy())
    .ended
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage({ viewport: { width: 1_120, height: 1_000 } })
    const said: string[] = []
    page.on('console', (message) => message.type() === 'error' && said.push(message.text()))
    page.on('pageerror', (error) => said.push(error.message))
    page.on('request', (request) => request.url().startsWith('file:') || said.push(request.url()))
    await page.goto(`file://${join(out, 'report.html')}`)
    expect(await page.locator('figure svg path').count()).toBeGreaterThanOrEqual(8)
    await page.locator('details').first().click()
    expect(await page.locator('details[open] a').first().getAttribute('href')).toMatch(
      /\/#\/trace\/[0-9a-f]{32}$/,
    )
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    expect(wide).toBeLessThanOrEqual(1_120)
    expect(said).toEqual([])
  } finally {
    await browser.close()
  }
})

test('the metrics of the service count each call under the route that answered it', async () => {
  await load('custom', '--arrivals', '60', '--seconds', '4', '--no-burst', ...throughProxy()).ended
  const { routes } = report().figures
  const text = await (await fetch(`${stack.url}/api/v1/metrics`)).text()
  for (const name of Object.keys(routes) as CallName[])
    expect(text).toMatch(new RegExp(`api_requests_total\\{.*endpoint="${calls[name].route}".*\\} [1-9]`))
  expect(text).not.toContain('endpoint="/api/v1/signals/:id"')
})

test('a route that answers 404 fails the run', async () => {
  const running = load(
    'custom',
    '--users',
    '10',
    '--spawn',
    '10',
    '--seconds',
    '4',
    '--no-burst',
    ...throughProxy(),
  )
  await untilLoading()
  proxy.plant({ '/api/v1/signals/generate': { status: 404 }, '/api/v1/signals/active': { status: 404 } })
  const { exitCode, text } = await running.ended
  proxy.plant({})
  expect(exitCode, text).toBe(1)
  expect(report().verdict.sentence).toMatch(/failures \d+\.\d+ % \(below 1 %\)/)
  expect(report().figures.failures[0]).toMatchObject({ reason: '404' })
})

test('a slow route is seen in the latency from the intended start, also with open arrivals', async () => {
  const running = load('custom', '--arrivals', '20', '--seconds', '6', '--no-burst', ...throughProxy())
  await untilLoading()
  proxy.plant({ '/api/v1/patterns/detect': { delayMs: 2_300 } })
  const { exitCode, text } = await running.ended
  proxy.plant({})
  const { verdict, figures } = report()
  expect(figures.routes.detect!.p95).toBeGreaterThan(2_000)
  expect(figures.routes.active?.p50 ?? 0).toBeLessThan(2_000)
  expect(verdict.criteria.find(({ name }) => name === 'p95')?.met).toBe(false)
  expect([1, 3], text).toContain(exitCode)
})

test('a service that dies is told plainly, with what had been measured', async () => {
  const running = load('custom', '--users', '5', '--spawn', '5', '--seconds', '60', '--data', data)
  const pid = await pidOf('service')
  await untilLoading()
  await sleep(3_000)
  process.kill(pid, 'SIGKILL')
  const { exitCode, text } = await running.ended
  expect(exitCode, text).toBe(1)
  expect(text).toMatch(/FAIL: after \d+\.\d of 60 s the service ended \(SIGKILL\)/)
  expect(report().figures.answered).toBeGreaterThan(0)
  expect(existsSync(join(out, 'service.log'))).toBe(true)
  expect(existsSync(data)).toBe(false)
})

test('a run that was killed is cleared away by the next one, which begins anew', async () => {
  const running = load('custom', '--users', '5', '--spawn', '5', '--seconds', '60', '--data', data)
  const pid = await pidOf('service')
  await untilLoading()
  await sleep(2_000)
  running.child.kill('SIGKILL')
  await running.ended
  expect(isAlive(pid)).toBe(true)
  const { exitCode, text } = await load('custom', '--seconds', '2', '--no-burst', '--data', data).ended
  expect([0, 3], text).toContain(exitCode)
  expect(text).toMatch(/Ended what a killed run had left running: sidecar/)
  expect(isAlive(pid)).toBe(false)
  expect(existsSync(data)).toBe(false)
})

test('Ctrl-C writes a partial report that says so, and leaves nothing running', async () => {
  const running = load('custom', '--users', '5', '--spawn', '5', '--seconds', '60', '--data', data)
  const pid = await pidOf('service')
  await untilLoading()
  await sleep(3_000)
  running.child.kill('SIGINT')
  const { exitCode, text } = await running.ended
  expect(exitCode, text).toBe(130)
  expect(text).toMatch(/INTERRUPTED: stopped by SIGINT after \d+\.\d of 60 s: a part of a run, not judged/)
  expect(report().figures.answered).toBeGreaterThan(0)
  expect(isAlive(pid)).toBe(false)
  expect(existsSync(data)).toBe(false)
})
