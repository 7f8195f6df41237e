import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('adds up what five threads counted, those that ended, block and were killed too', async () => {
  const program = new URL('fixtures/counting-threads.ts', import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [program.pathname], {
    cwd: import.meta.dirname,
  })
  // The gauges of the two that were killed are shown on: nobody can tell that they are gone.
  // 500 symbols: 499 and the overflow, as the runs' symbol is one too.
  const symbols = 500
  expect(JSON.parse(stdout)).toEqual({
    counted: 100_000,
    recorded: 10,
    runs: 5,
    refused: 5,
    symbols,
    pending: 10,
  })
})
