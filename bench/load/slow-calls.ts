import type { Answer } from './call-client.ts'
import type { SlowCall } from './generator-messages.ts'
import type { Call, CallName } from './traffic-model.ts'

/** The slowest answers of each route. Bodies are read only of those that get in. */
export class SlowCalls {
  private readonly perRoute: number
  private readonly kept = new Map<CallName, SlowCall[]>()

  constructor(perRoute: number) {
    this.perRoute = perRoute
  }

  offer(call: Call, dueMs: number, latencyMs: number, answer: Answer): void {
    const kept = this.kept.get(call.name) ?? []
    if (kept.length === this.perRoute && kept.at(-1)!.latencyMs >= latencyMs) return
    const text = answer.body.toString()
    kept.push({
      call: call.name,
      atSeconds: Math.round(dueMs) / 1e3,
      latencyMs: Math.round(latencyMs * 1e3) / 1e3,
      reason: answer.reason,
      asked: `${call.method} ${call.path}${call.body === undefined ? '' : ` ${call.body}`}`,
      // Of the answer itself: its last field. Rows may have traces of their own.
      traceId: /"trace_id":"([0-9a-f]{32})"[^{[]*\}\s*$/.exec(text)?.[1] ?? null,
      entity: entityOf(call.name, text),
    })
    kept.sort((a, b) => b.latencyMs - a.latencyMs)
    this.kept.set(call.name, kept.slice(0, this.perRoute))
  }

  list(): SlowCall[] {
    return [...this.kept.values()].flat().sort((a, b) => b.latencyMs - a.latencyMs)
  }
}

function entityOf(name: CallName, text: string): SlowCall['entity'] {
  const id = (pattern: RegExp) => pattern.exec(text)?.[1]
  if (name === 'backtest') {
    const run = id(/"backtest_run_id":"([^"]+)"/)
    return run === undefined ? null : { kind: 'backtests', id: run }
  }
  if (name === 'generate') {
    const signal = id(/"signals":\[\{"id":"([^"]+)"/)
    return signal === undefined ? null : { kind: 'signals', id: signal }
  }
  return null
}
