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

test.each([
  [0, 3],
  [3_600_000, 1],
])('a thread samples a run when its last sampled one is %i ms ago: %i of 3', async (everyMs, sampled) => {
  profiles = 0
  const pool = createThreadPool({
    serviceName: 'pool',
    otlpEndpoint: url,
    profileRuns: { service: 'pool', sidecar: url, everyMs },
  })
  for (let run = 0; run < 3; run++) {
    const { metrics } = await pool.run({
      bars,
      config: { strategy: 'buy_and_hold' },
      metricsOnly: true,
      context: {},
      control: createControl(),
      signal: new AbortController().signal,
    })
    expect(metrics).toBeTruthy()
  }
  // What a thread has to send is sent before the next run or this question.
  await expect.poll(() => profiles, { timeout: 20_000 }).toBeGreaterThanOrEqual(sampled)
  await pool.close()
  expect(profiles).toBe(sampled)
})
