import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

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
    /^exemplar of the slowest backtest: trace [0-9a-f]{8}\.\.\., [1-9]\d* spans at Tempo$/m,
  )
  const [, shown = ''] =
    /```console\n\$ npm run example -- 08\n(.*?)```/s.exec(
      readFileSync(join(import.meta.dirname, 'README.md'), 'utf8'),
    ) ?? []
  const shape = (text: string) => text.replaceAll(/[0-9a-f]{8}\.\.\./g, 'ID').replaceAll(/\d+/g, 'N')
  expect(shape(shown)).toBe(shape(stdout))
})
