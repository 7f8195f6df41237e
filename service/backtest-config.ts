import type { BacktestConfig } from '@tapescope/engine'
import { z } from 'zod'
import { camelCase } from './snake-case.ts'

const fraction = z.number().gt(0).max(1)
const clamp = { minimum: z.number().min(0).default(0), maximum: z.number().min(0).nullable().default(null) }

/** The strategies that the service offers by name. */
export const strategies = ['wyckoff_all', 'wyckoff_spring', 'sma_cross', 'buy_and_hold'] as const

/** A run's configuration as the API takes it; the engine fills in what is absent. */
export const backtestConfigSchema = z.strictObject({
  initial_capital: z.number().gt(0).max(1e15).optional(),
  position_frac: fraction.optional(),
  max_open_positions: z.int().min(1).max(100).optional(),
  limits: z
    .strictObject({
      per_trade: fraction.optional(),
      campaign: fraction.optional(),
      correlated: fraction.optional(),
      portfolio_heat: fraction.optional(),
      position_value: fraction.optional(),
    })
    .optional(),
  trailing_stop: z.boolean().optional(),
  exit_mode: z.enum(['single', 'scaled']).optional(),
  trade_review_signals: z.boolean().optional(),
  halt_cleared: z.boolean().optional(),
  apply_phase_exits: z.boolean().optional(),
  commission: z
    .discriminatedUnion('model', [
      z.strictObject({ model: z.literal('PER_SHARE'), per_share: z.number().min(0), ...clamp }),
      z.strictObject({ model: z.literal('PERCENTAGE'), frac: z.number().min(0).max(0.5), ...clamp }),
      z.strictObject({ model: z.literal('FIXED'), amount: z.number().min(0) }),
    ])
    .optional(),
  slippage: z
    .discriminatedUnion('model', [
      z.strictObject({ model: z.literal('LIQUIDITY_BASED') }),
      z.strictObject({ model: z.literal('FIXED_PERCENTAGE'), frac: z.number().min(0).max(0.5) }),
      z.strictObject({ model: z.literal('VOLUME_WEIGHTED'), frac: z.number().min(0).max(0.5) }),
    ])
    .optional(),
  max_participation: fraction.nullable().optional(),
  risk_free_rate: z.number().min(-1).max(1).optional(),
  borrow_rate_annual: z.number().min(0).max(10).optional(),
})

/** The engine's configuration for a named strategy. */
export function engineConfig(
  strategy: (typeof strategies)[number],
  config: z.output<typeof backtestConfigSchema>,
): BacktestConfig {
  return { ...(camelCase(config) as BacktestConfig), strategy }
}
