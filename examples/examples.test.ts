import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { spawnSidecar, type SpawnedSidecar } from '../collector/spawn-sidecar.ts'
import { masked, readPage } from '../scripts/docs-page.ts'
import { folders, runExample } from './run-example.ts'

const root = join(import.meta.dirname, '..')
let sidecar: SpawnedSidecar

beforeAll(async () => {
  sidecar = await spawnSidecar({ files: [], args: ['--no-data-dir'] })
})
afterAll(async () => {
  sidecar.child.kill()
  await once(sidecar.child, 'exit')
})

interface Span {
  spanId: string
  parentSpanId: string | null
  name: string
  service: string
  status: { code: string }
  attributes: Record<string, unknown>
}

/** Runs an example; answers with its output and the spans that the sidecar received, by trace in the order printed. */
async function run(number: string) {
  let output = ''
  const { viewer, 'OTLP/HTTP': otlp } = sidecar.urls
  const folder = folders.find((name) => name.startsWith(number)) ?? ''
  const code = await runExample(folder, { otlp, viewer }, (text) => (output += text))
  expect(code, output).toBe(0)
  expectReadmeShows(folder, output)
  const ids = new Set(output.match(/\b[0-9a-f]{32}\b/g))
  const traces = [...ids].map(async (id) => {
    const response = await fetch(`${viewer}/api/traces/${id}`)
    return ((await response.json()) as { spans: Span[] }).spans
  })
  return { output, traces: await Promise.all(traces) }
}

/** Each line of output that the example's page shows is one that it prints, and none is wider than a terminal. */
function expectReadmeShows(folder: string, output: string): void {
  const printed = new Set(output.split('\n').map(masked))
  const [shown] = readPage(join('examples', folder, 'README.md')).fences.filter(({ words }) =>
    words.has('output'),
  )
  for (const line of shown.text.split('\n')) {
    expect(printed).toContain(masked(line))
    expect(line.length, line).toBeLessThanOrEqual(80)
  }
}

/** `a > b > c` for each span: its names from the root. */
function paths(spans: readonly Span[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const path = ({ name, parentSpanId }: Span): string => {
    const parent = byId.get(parentSpanId ?? '')
    return parent === undefined ? name : `${path(parent)} > ${name}`
  }
  return spans.map(path)
}

describe(
  'each example runs, prints what its README shows, and its telemetry arrives',
  { timeout: 120_000 },
  () => {
    test('01 first span', async () => {
      const { traces } = await run('01')
      expect(paths(traces[0])).toEqual([
        'nightly',
        'nightly > load bars',
        'nightly > moving average',
        'nightly > count crossings',
      ])
      expect(traces[0][0]).toMatchObject({
        service: 'nightly',
        attributes: { crossings: expect.any(Number) },
      })
    })

    test('02 metrics and exemplars', async () => {
      const { output, traces } = await run('02')
      expect(output).toContain('order_seconds_count{venue="XNYS"} 40\n')
      // The exemplar of the highest bucket opens the one trace that shows why.
      const names = traces.map((spans) => spans.map(({ name }) => name))
      expect(names.filter((one) => one.includes('read limits elsewhere'))).toHaveLength(1)
      expect(names.at(-1)).toContain('read limits elsewhere')
      expect(traces.at(-1)?.[0].attributes).toMatchObject({ 'tapescope.keep': true })
    })

    test('03 Hono and PostgreSQL', async () => {
      const { traces } = await run('03')
      const server = 'buy > POST > POST /accounts/:account/orders'
      expect(paths(traces[0])).toEqual(
        expect.arrayContaining([
          `${server} > pg.query:risk.exposure tapescope`,
          `${server} > pg.query:orders.insert tapescope`,
        ]),
      )
    })

    test('04 an observed backtest', async () => {
      const { traces } = await run('04')
      const worst = traces[0].filter(({ name }) => name === 'bar.sampled')
      const ranks = worst.map(({ attributes }) => Number(attributes['tapescope.rank']))
      expect(ranks.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5])
      expect(traces[0].find(({ name }) => name === 'backtest.run')?.attributes).toMatchObject({
        'tapescope.symbol': 'SPX',
        'tapescope.bars': 5105,
      })
    })

    test('05 your own engine', async () => {
      const { output, traces } = await run('05')
      expect(output).toContain('backtest_executions_total{symbol="SPX",status="completed"} 3\n')
      expect(traces.map(paths)).toEqual(
        [5, 20, 80].map((n) => [
          `lookback ${n}`,
          `lookback ${n} > grademark.backtest`,
          `lookback ${n} > grademark.analyze`,
        ]),
      )
    })

    test('06 threads and jobs', async () => {
      const { traces } = await run('06')
      expect(paths(traces[0])).toContain(
        'order a backtest > send backtests > process backtests > backtest.run > stage.strategy',
      )
    })

    test('07 test your telemetry', async () => {
      const { output } = await run('07')
      expect(output).toMatch(/Tests {2}3 passed/)
    })
  },
)

test(
  'npm run example works as the first command, and lists what there is',
  { timeout: 120_000 },
  async () => {
    const npm = async (...args: string[]) =>
      (await promisify(execFile)('npm', ['run', '--silent', 'example', ...args], { cwd: root })).stdout
    expect((await npm()).trim().split('\n')).toHaveLength(folders.length)
    expect(await npm('--', '1')).toMatch(
      /^200000 bars.*\n\n\$ npx tapescope trace [0-9a-f]{32}\nspan .*\nnightly /,
    )
  },
)
