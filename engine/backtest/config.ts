import type { Strategy } from '../strategy.ts'
import { BacktestError } from './errors.ts'

/** What a broker takes per fill: clamp(raw, minimum, maximum); a maximum of 0 means free, null no cap. */
export type CommissionConfig =
  | {
      readonly model: 'PER_SHARE'
      readonly perShare: number
      readonly minimum: number
      readonly maximum: number | null
    }
  | {
      readonly model: 'PERCENTAGE'
      readonly frac: number
      readonly minimum: number
      readonly maximum: number | null
    }
  | { readonly model: 'FIXED'; readonly amount: number }

/** How far from the quote a market order fills, as a fraction of the price. */
export type SlippageConfig =
  | { readonly model: 'LIQUIDITY_BASED' }
  | { readonly model: 'FIXED_PERCENTAGE'; readonly frac: number }
  | { readonly model: 'VOLUME_WEIGHTED'; readonly frac: number }

export interface RiskLimits {
  /** Largest loss at the stop of one trade, as a fraction of equity. */
  readonly perTrade: number
  readonly campaign: number
  readonly correlated: number
  readonly portfolioHeat: number
  readonly positionValue: number
}

export type StrategyName = 'wyckoff_all' | 'wyckoff_spring' | 'buy_and_hold' | 'sma_cross'

export interface BacktestConfig {
  /** A built-in by name, or a strategy of the user's own. Default `wyckoff_all`. */
  readonly strategy?: Strategy | StrategyName
  /** First bar to trade, epoch ms; earlier bars are there to warm up on. Default: the first bar. */
  readonly startDate?: number | null
  /** Last bar to trade, epoch ms, inclusive. Default: the last bar. */
  readonly endDate?: number | null
  /** Account currency, more than 0. */
  readonly initialCapital?: number
  /** Worth of an order that names no quantity, as a fraction of equity. */
  readonly positionFrac?: number
  /** Quantities the engine chooses are whole multiples of this: 1 for shares, 0.0001 for a coin. */
  readonly lotSize?: number
  readonly maxOpenPositions?: number
  readonly limits?: Partial<RiskLimits>
  readonly trailingStop?: boolean
  /** Wyckoff strategies: everything out at the primary target, or 50, 30 and 20 % at three. */
  readonly exitMode?: 'single' | 'scaled'
  /** Wyckoff strategies: trade signals that ask for a review too. */
  readonly tradeReviewSignals?: boolean
  /** Wyckoff strategies: go on after a daily loss of .03 or a drawdown of .15 has halted new entries. */
  readonly haltCleared?: boolean
  /** Wyckoff strategies: reduce positions and draw stops in as phase E tires. */
  readonly applyPhaseExits?: boolean
  readonly commission?: CommissionConfig
  readonly slippage?: SlippageConfig
  /** A fill takes at most this share of a bar's volume; the rest waits. Null: no cap. */
  readonly maxParticipation?: number | null
  readonly riskFreeRate?: number
  readonly borrowRateAnnual?: number
  /** A strategy that asks for more in one bar has lost its mind; the run stops. */
  readonly maxOrdersPerBar?: number
}

export interface ResolvedConfig extends Required<Omit<BacktestConfig, 'limits' | 'strategy'>> {
  readonly limits: RiskLimits
  /** Name of the strategy; the object itself is not part of what is reported. */
  readonly strategy: string
}

export const defaultLimits: RiskLimits = {
  perTrade: 0.02,
  campaign: 0.05,
  correlated: 0.06,
  portfolioHeat: 0.1,
  positionValue: 0.2,
}

const defaultCommission: CommissionConfig = {
  model: 'PER_SHARE',
  perShare: 0.005,
  minimum: 1,
  maximum: null,
}

/** Fills in the defaults and refuses what makes no sense, naming the field. */
export function resolveConfig(config: BacktestConfig, strategy: string): ResolvedConfig {
  const resolved: ResolvedConfig = {
    strategy,
    startDate: config.startDate ?? null,
    endDate: config.endDate ?? null,
    initialCapital: config.initialCapital ?? 100_000,
    positionFrac: config.positionFrac ?? 0.02,
    lotSize: config.lotSize ?? 1,
    maxOpenPositions: config.maxOpenPositions ?? 5,
    limits: { ...defaultLimits, ...config.limits },
    trailingStop: config.trailingStop ?? false,
    exitMode: config.exitMode ?? 'single',
    tradeReviewSignals: config.tradeReviewSignals ?? true,
    haltCleared: config.haltCleared ?? false,
    applyPhaseExits: config.applyPhaseExits ?? false,
    commission: config.commission ?? defaultCommission,
    slippage: config.slippage ?? { model: 'LIQUIDITY_BASED' },
    maxParticipation: config.maxParticipation ?? null,
    riskFreeRate: config.riskFreeRate ?? 0.02,
    borrowRateAnnual: config.borrowRateAnnual ?? 0,
    maxOrdersPerBar: config.maxOrdersPerBar ?? 100,
  }
  const { startDate, endDate, commission, slippage, maxParticipation } = resolved
  within('initialCapital', resolved.initialCapital, Number.MIN_VALUE, 1e15)
  within('positionFrac', resolved.positionFrac, Number.MIN_VALUE, 1)
  within('lotSize', resolved.lotSize, Number.MIN_VALUE, 1e9)
  within('maxOpenPositions', resolved.maxOpenPositions, 1, 100, true)
  if (config.limits !== undefined && !isObject(config.limits)) {
    throw new BacktestError('limits', null, `must be an object, got ${JSON.stringify(config.limits)}`)
  }
  for (const [name, value] of Object.entries(resolved.limits)) {
    within(`limits.${name}`, value, Number.MIN_VALUE, 1)
  }
  within('riskFreeRate', resolved.riskFreeRate, -1, 1)
  within('borrowRateAnnual', resolved.borrowRateAnnual, 0, 10)
  within('maxOrdersPerBar', resolved.maxOrdersPerBar, 1, 10_000, true)
  if (maxParticipation !== null) within('maxParticipation', maxParticipation, Number.MIN_VALUE, 1)
  if (startDate !== null) within('startDate', startDate, -8.64e15, 8.64e15)
  if (endDate !== null) within('endDate', endDate, -8.64e15, 8.64e15)
  if (startDate !== null && endDate !== null && endDate < startDate) {
    throw new BacktestError('endDate', null, `must not be before startDate (${endDate} < ${startDate})`)
  }
  if (resolved.exitMode !== 'single' && resolved.exitMode !== 'scaled') {
    throw new BacktestError('exitMode', null, `must be single or scaled, got ${String(resolved.exitMode)}`)
  }
  for (const name of ['trailingStop', 'tradeReviewSignals', 'haltCleared', 'applyPhaseExits'] as const) {
    const value: unknown = resolved[name]
    if (typeof value !== 'boolean') {
      throw new BacktestError(name, null, `must be true or false, got ${JSON.stringify(value)}`)
    }
  }
  checkCommission(commission)
  if (slippage.model === 'FIXED_PERCENTAGE' || slippage.model === 'VOLUME_WEIGHTED') {
    within('slippage.frac', slippage.frac, 0, 0.5)
  } else if (slippage.model !== 'LIQUIDITY_BASED') {
    unknownModel('slippage', slippage, 'LIQUIDITY_BASED, FIXED_PERCENTAGE or VOLUME_WEIGHTED')
  }
  return resolved
}

function checkCommission(commission: CommissionConfig): void {
  if (commission.model === 'FIXED') return within('commission.amount', commission.amount, 0, 1e9)
  if (commission.model === 'PER_SHARE') within('commission.perShare', commission.perShare, 0, 1e9)
  else if (commission.model === 'PERCENTAGE') within('commission.frac', commission.frac, 0, 0.5)
  else unknownModel('commission', commission, 'PER_SHARE, PERCENTAGE or FIXED')
  within('commission.minimum', commission.minimum, 0, 1e9)
  if (commission.maximum !== null) within('commission.maximum', commission.maximum, 0, 1e9)
  return undefined
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

function unknownModel(field: string, given: unknown, known: string): never {
  throw new BacktestError(`${field}.model`, null, `must be ${known}, got ${JSON.stringify(given)}`)
}

function within(field: string, value: number, low: number, high: number, whole = false): void {
  // The negated comparison also refuses NaN and what is not a number at all.
  if (typeof value === 'number' && value >= low && value <= high && (!whole || Number.isInteger(value)))
    return
  const lower = low === Number.MIN_VALUE ? 'more than 0' : `at least ${low}`
  throw new BacktestError(
    field,
    null,
    `must be ${whole ? 'a whole number of ' : ''}${lower} and at most ${high}, got ${String(value)}`,
  )
}
