import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const examples = [
  ...readFileSync(new URL('README.md', import.meta.url), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms),
].map(([, code]) => code)

let received = ''
const sink = createServer((request, response) => {
  request.setEncoding('latin1')
  request.on('data', (chunk: string) => (received += chunk))
  request.on('end', () => response.end())
})
beforeAll(() => new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve)))
afterAll(() => sink.close())

const run = async (code: string): Promise<string> => {
  const { port } = sink.address() as AddressInfo
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '--eval', code],
    {
      cwd: import.meta.dirname,
      env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    },
  )
  return stdout
}

it('has examples that do what it says', async () => {
  const [wrapped, described, inside, ...more] = await Promise.all(examples.map(run))
  expect(wrapped).toContain('{ profit: 3000 }\n')
  expect(wrapped).toContain('backtest_executions_total{symbol="ACME",status="completed"} 1\n')
  expect(described).toContain('7\n')
  expect(described).toContain('simulation_seconds_count{symbol="ACME"} 1\n')
  expect(inside).toBe('{ patterns: [] }\n')
  expect(more).toEqual([])
  for (const span of [
    'my-desk',
    'backtest.run',
    'desk.simulate',
    'signals.generate',
    'stage.look',
    'bar.sampled',
  ])
    expect(received).toContain(span)
})

it('wraps an engine in ten lines', () => {
  expect(examples[0]?.trim().split('\n').length).toBeLessThanOrEqual(10)
})
