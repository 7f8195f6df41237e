import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateBars } from '@tapescope/engine'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createControl } from './run-control.ts'
import { createThreadPool } from './thread-pool.ts'

let profiles = 0
const sidecar = createServer((request, response) => {
  if (request.url === '/api/profiles') profiles++
  request.resume().on('end', () => response.writeHead(204).end())
})
let url: string
beforeAll(async () => {
  sidecar.listen(0, '127.0.0.1')
  await once(sidecar, 'listening')
  url = `http://127.0.0.1:${(sidecar.address() as AddressInfo).port}`
})
afterAll(() => {
  sidecar.closeAllConnections()
  sidecar.close()
})

const { bars } = generateBars({ seed: 3, length: 20_000 })

/** Runs one after the other in one thread until `enough`, which is asked after each. A busy machine loses a profile now and then. */
async function runUntil(everyMs: number, enough: (runs: number) => boolean): Promise<void> {
  profiles = 0
  const pool = createThreadPool({
    serviceName: 'pool',
    otlpEndpoint: url,
    profileRuns: { service: 'pool', sidecar: url, everyMs },
  })
  for (let runs = 0; !enough(runs); runs++)
    await pool.run({
      bars,
      config: { strategy: 'buy_and_hold' },
      metricsOnly: true,
      context: {},
      control: createControl(),
      signal: new AbortController().signal,
    })
  await pool.close()
}

test('a thread samples each run when its last sampled one is long enough ago', async () => {
  await runUntil(0, () => profiles >= 2)
  expect(profiles).toBeGreaterThanOrEqual(2)
})

test('and no other', async () => {
  await runUntil(3_600_000, (runs) => runs === 20)
  expect(profiles).toBeLessThanOrEqual(1)
})
