import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { run } from '../child.ts'

const script = `
  import { createSignalEngine, generateBars, barAt } from '@tapescope/engine'
  import { timedEngine } from './bench/nfr/timed-detectors.ts'
  const { engine, times } = await timedEngine()
  const { bars } = generateBars({ seed: 20260101, length: 4000 })
  const session = engine.createSignalEngine().open(bars)
  for (let i = 0; i < bars.length; i++) session.push(barAt(bars, i))
  const keys = (result) => result.signals.map(({ key }) => key)
  const same = JSON.stringify(keys(session.result())) === JSON.stringify(keys(createSignalEngine().generate(bars)))
  process.stdout.write(JSON.stringify({ same, signals: session.result().signals.length, times }))
`

test('the three detectors are timed inside a whole engine, whose findings stay the same', async () => {
  const output = await run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    timeoutSeconds: 60,
  })
  const { same, signals, times } = JSON.parse(output) as {
    same: boolean
    signals: number
    times: Record<string, number>
  }
  expect(same).toBe(true)
  expect(signals).toBeGreaterThan(10)
  for (const detector of ['spring', 'breakout', 'utad']) expect(times[detector]).toBeGreaterThan(0)
}, 60_000)
