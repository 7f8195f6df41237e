import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('adds up what five threads counted, those that ended, block and were killed too', async () => {
  const program = new URL('fixtures/counting-threads.ts', import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [program.pathname], {
    cwd: import.meta.dirname,
  })
  const { symbols, ...sums } = JSON.parse(stdout) as Record<string, number>
  // The gauges of the two that were killed are shown on: nobody can tell that they are gone.
  expect(sums).toEqual({ counted: 100_000, recorded: 10, runs: 5, refused: 5, pending: 10 })
  // Of 1,001 symbols 500 and the overflow; the runs' symbol may or may not be one of them.
  expect([500, 501]).toContain(symbols)
})
