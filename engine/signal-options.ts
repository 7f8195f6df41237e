import { EngineError } from './engine-error.ts'
import { defaultLimits } from './risk.ts'
import type { Portfolio, RiskLimits } from './risk.ts'
import { presets } from './thresholds.ts'
import type { Preset, Thresholds } from './thresholds.ts'

export interface SignalOptions {
  /** `standard` unless told otherwise. */
  readonly preset?: Preset
  /** Single thresholds that differ from the preset. */
  readonly thresholds?: Partial<Thresholds>
  /**
   * The account that candidates are judged against: as it stands (100 000 and no positions unless told otherwise;
   * what this run's own signals would hold is added), or a function that is asked at each candidate and is then the
   * whole truth.
   */
  readonly account?: Partial<Portfolio> | ((bar: number, campaign: string) => Portfolio)
  readonly limits?: Partial<RiskLimits>
  /** Fraction of equity to risk per trade instead of that of each pattern; .001 to .02. */
  readonly riskPerTrade?: number
  /** Sector by symbol; a symbol that is not in it is its own group. */
  readonly sectors?: Readonly<Record<string, string>>
  /** Known earnings events by symbol, epoch milliseconds. */
  readonly earnings?: Readonly<Record<string, readonly number[]>>
  /** Regular hours of the market for intraday bars, minutes after 00:00 UTC; round the clock without it. */
  readonly session?: { readonly open: number; readonly close: number }
  /** Bars after which a signal that nobody approved expires. */
  readonly expiryBars?: number
}

export interface SignalSettings {
  readonly preset: Preset
  readonly thresholds: Thresholds
  readonly account: Portfolio | ((bar: number, campaign: string) => Portfolio)
  readonly limits: RiskLimits
  readonly riskPerTrade: number | null
  readonly sectorOf: (symbol: string) => string
  readonly earningsOf: (symbol: string) => readonly number[]
  readonly session: { readonly open: number; readonly close: number } | null
  readonly expiryBars: number
}

const known = new Set([
  'preset',
  'thresholds',
  'account',
  'limits',
  'riskPerTrade',
  'sectors',
  'earnings',
  'session',
  'expiryBars',
])

/** @throws EngineError `invalid_option` with a sentence that says what to change. */
export const readSignalOptions = (options: SignalOptions): SignalSettings => {
  for (const name of Object.keys(options))
    if (!known.has(name)) fault(`${name} is not an option; there are ${[...known].join(', ')}`)
  const { preset = 'standard', account = {}, riskPerTrade, session, expiryBars = 10 } = options
  if (!Object.hasOwn(presets, preset)) fault(`preset must be one of ${Object.keys(presets).join(', ')}`)
  if (riskPerTrade !== undefined && !(riskPerTrade >= 0.001 && riskPerTrade <= 0.02))
    fault('riskPerTrade must lie in 0.001 to 0.02, a fraction of equity')
  if (!Number.isSafeInteger(expiryBars) || expiryBars < 1) fault('expiryBars must be a whole number above 0')
  if (session !== undefined && !(session.open >= 0 && session.open < session.close && session.close <= 1440))
    fault('session must open before it closes, in minutes from 0 to 1440')
  for (const [symbol, times] of Object.entries(options.earnings ?? {}))
    if (!times.every((time) => Number.isSafeInteger(time)))
      fault(`earnings.${symbol} must be whole epoch milliseconds`)
  return {
    preset,
    thresholds: readThresholds(preset, options.thresholds ?? {}),
    account: typeof account === 'function' ? account : readAccount(account),
    limits: readLimits(options.limits ?? {}),
    riskPerTrade: riskPerTrade ?? null,
    sectorOf: (symbol) => own(options.sectors, symbol) ?? symbol,
    earningsOf: (symbol) => own(options.earnings, symbol) ?? [],
    session: session ?? null,
    expiryBars,
  }
}

const fault = (message: string): never => {
  throw new EngineError('invalid_option', message)
}

const own = <T>(map: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined

const readThresholds = (preset: Preset, given: Partial<Thresholds>): Thresholds => {
  const base = presets[preset]
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(base, name)) fault(`thresholds.${name} is not a threshold`)
    const usual = base[name as keyof Thresholds]
    if (typeof usual === 'boolean') {
      if (typeof value !== 'boolean') fault(`thresholds.${name} must be true or false`)
      continue
    }
    const most = usual > 5 || /Volume|rMultiple|Spread/.test(name) ? 100 : 1
    if (typeof value !== 'number' || !(value >= 0 && value <= most))
      fault(`thresholds.${name} must be a number from 0 to ${most}`)
  }
  return { ...base, ...given }
}

const readAccount = (given: Partial<Portfolio>): Portfolio => {
  const account = { equity: 100_000, positions: [], campaigns: [], ...given }
  if (!(account.equity > 0 && account.equity < Infinity))
    fault('account.equity must be a finite amount above 0')
  for (const [k, { quantity, entryPrice, stop }] of account.positions.entries())
    if (!(quantity > 0) || !(entryPrice > 0) || !(stop === null || stop > 0))
      fault(`account.positions[${k}] needs quantity, entryPrice and stop above 0`)
  return account
}

const readLimits = (given: Partial<RiskLimits>): RiskLimits => {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultLimits, name)) fault(`limits.${name} is not a limit`)
    if (typeof value === 'number') {
      if (!(value > 0)) fault(`limits.${name} must be above 0`)
    } else if (!(value.max > 0 && value.max <= 1 && value.warnAt > 0 && value.warnAt <= value.max))
      fault(`limits.${name} must have 0 < warnAt <= max <= 1, fractions of equity`)
  }
  return { ...defaultLimits, ...given }
}
