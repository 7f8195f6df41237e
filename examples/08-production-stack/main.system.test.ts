import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { masked, readPage } from '../../scripts/docs-page.ts'

test('the stack without Docker: sampling as configured, an alert, an exemplar whose trace was kept', async () => {
  const main = join(import.meta.dirname, 'main.ts')
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stderr).toBe('')
  for (const backend of ['Jaeger', 'Tempo']) {
    const kept = new RegExp(`^${backend} +(\\d+) quotes, 4 backtests, the failed one too$`, 'm').exec(stdout)
    // One in ten of 200: more than 60 has a chance of 1e-13, none one of 1e-9.
    expect(Number(kept?.[1])).toBeGreaterThan(0)
    expect(Number(kept?.[1])).toBeLessThan(60)
  }
  expect(stdout).toMatch(/^alert +StaleSymbols is pending/m)
  expect(stdout).toMatch(
    /^exemplar of the slowest backtest: trace [0-9a-f]{16}\.\.\., [1-9]\d* spans at Tempo$/m,
  )
  const [shown] = readPage('examples/08-production-stack/README.md').fences.filter(({ words }) =>
    words.has('output'),
  )
  expect(shown.text.split('\n').map(masked)).toEqual(stdout.trimEnd().split('\n').map(masked))
})
