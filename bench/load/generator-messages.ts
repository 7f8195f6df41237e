import type { RunFigures, WindowFigures } from './call-record.ts'
import type { LoadPlan } from './scenarios.ts'
import type { CallName } from './traffic-model.ts'

/** How well the generator itself did: whether what it measured can be believed. */
export interface GeneratorHealth {
  /** CPU time of its process as a part of one core. */
  readonly cpuShare: number
  /** By how much its event loop came late, ms. */
  readonly loopP99: number
  readonly loopMax: number
  /** Whether it may go before others on a busy machine. */
  readonly priorityRaised: boolean
}

export interface SlowCall {
  readonly call: CallName
  /** The due time, in seconds from the beginning of the run. */
  readonly atSeconds: number
  readonly latencyMs: number
  readonly reason: string
  readonly asked: string
  readonly traceId: string | null
  /** The backtest or the first signal that the answer names. */
  readonly entity: { readonly kind: 'backtests' | 'signals'; readonly id: string } | null
}

/** Everything that the generator knows, told anew with each window: what came last is what a broken run leaves. */
export interface GeneratorState {
  readonly figures: RunFigures
  readonly health: GeneratorHealth
  readonly slowest: readonly SlowCall[]
}

export type ToGenerator = { readonly kind: 'begin'; readonly plan: LoadPlan } | { readonly kind: 'stop' }

export type FromGenerator =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'window'; readonly window: WindowFigures } & GeneratorState)
  | { readonly kind: 'accepted'; readonly runId: string }
  | { readonly kind: 'done'; readonly seconds: number }
