import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { run } from './child.ts'

it('lets a child that is ended take down what it started elsewhere', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapescope-child-'))
  const [ready, ended] = [join(folder, 'ready'), join(folder, 'ended')]
  const program = `const { writeFileSync } = require('node:fs')
    process.on('SIGTERM', () => { writeFileSync(${JSON.stringify(ended)}, ''); process.exit() })
    setInterval(() => {}, 1000)
    writeFileSync(${JSON.stringify(ready)}, '')`
  const stop = new AbortController()
  const done = run(process.execPath, ['-e', program], { timeoutSeconds: 60, signal: stop.signal })
  const stopped = (async () => {
    while (!existsSync(ready)) await sleep(20)
    stop.abort(new Error('stopped by hand'))
  })()
  await expect(done).rejects.toThrow('stopped by hand')
  await stopped
  expect(existsSync(ended)).toBe(true)
  rmSync(folder, { recursive: true })
})
