import { openCallClient } from './call-client.ts'
import type { Target } from './seed-service.ts'
import { calls, symbols, timeframes } from './traffic-model.ts'

export interface BurstResult {
  readonly calls: number
  readonly failed: number
  /** Statuses or errors of those that failed. */
  readonly reasons: readonly string[]
  /** From the moment at which all begin until the last one is answered. */
  readonly slowestMs: number
}

/** So many calls at once, over all series; each on a connection of its own. */
const burstCalls = 100

export async function burstCheck(target: Target, timeoutMs: number): Promise<BurstResult> {
  const client = openCallClient({ ...target, connections: burstCalls, timeoutMs })
  const { method, route } = calls.generate
  const series = symbols.flatMap((symbol) => timeframes.map((timeframe) => ({ symbol, timeframe })))
  const beganMs = performance.now()
  const answers = await Promise.all(
    Array.from({ length: burstCalls }, (_, i) =>
      client.send({ name: 'generate', method, path: route, body: JSON.stringify(series[i % series.length]) }),
    ),
  )
  await client.close()
  const failed = answers.filter(({ ok }) => !ok)
  return {
    calls: burstCalls,
    failed: failed.length,
    reasons: [...new Set(failed.map(({ reason }) => reason))],
    slowestMs: Math.round(Math.max(...answers.map(({ answeredMs }) => answeredMs)) - beganMs),
  }
}
