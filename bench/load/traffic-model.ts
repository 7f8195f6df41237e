/** The traffic of the load tests: who asks what, how often, and which answers count as success. */

export const symbols = [
  'AAPL',
  'MSFT',
  'GOOGL',
  'AMZN',
  'TSLA',
  'META',
  'NVDA',
  'AMD',
  'NFLX',
  'SPY',
] as const
export const timeframes = ['1d', '1h', '4h'] as const
export type LoadTimeframe = (typeof timeframes)[number]

export const callNames = ['detect', 'generate', 'backtest', 'active', 'results', 'metrics'] as const
export type CallName = (typeof callNames)[number]

interface CallKind {
  readonly method: 'GET' | 'POST'
  /** As the service's own metrics name it. */
  readonly route: string
  /** Nothing else is a success; above all not 404: every series has bars. */
  readonly success: readonly number[]
}

export const calls: Readonly<Record<CallName, CallKind>> = {
  detect: { method: 'GET', route: '/api/v1/patterns/detect', success: [200] },
  generate: { method: 'POST', route: '/api/v1/signals/generate', success: [200, 201] },
  backtest: { method: 'POST', route: '/api/v1/backtests/run', success: [200, 202] },
  active: { method: 'GET', route: '/api/v1/signals/active', success: [200] },
  results: { method: 'GET', route: '/api/v1/backtests/results', success: [200] },
  metrics: { method: 'GET', route: '/api/v1/metrics', success: [200] },
}

/** One request to be made. */
export interface Call {
  readonly name: CallName
  readonly method: 'GET' | 'POST'
  /** With its query. */
  readonly path: string
  readonly body?: string
}

interface UserClass {
  readonly name: string
  /** Between an answer and the next call, uniform. */
  readonly waitMs: readonly [least: number, most: number]
  readonly symbols: readonly string[]
  readonly timeframes: readonly LoadTimeframe[]
  readonly weights: Readonly<Partial<Record<CallName, number>>>
}

export const userClasses = {
  trading: {
    name: 'TradingUser',
    waitMs: [1_000, 3_000],
    symbols,
    timeframes,
    weights: { detect: 70, generate: 20, backtest: 10, active: 5, results: 3, metrics: 2 },
  },
  heavy: {
    name: 'HeavyUser',
    waitMs: [500, 1_500],
    symbols: symbols.slice(0, 5),
    timeframes: ['1d', '1h'],
    weights: { detect: 30, generate: 20, backtest: 50 },
  },
} as const satisfies Record<string, UserClass>
export type UserClassName = keyof typeof userClasses

/** The share of each call, as a fraction of all. */
export function sharesOf({ weights }: UserClass): Partial<Record<CallName, number>> {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  return Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight / total]))
}

/** The next call of a user: its kind by weight, its series uniform. `random` is uniform in [0, 1). */
export function drawCall(user: UserClass, random: () => number): Call {
  const name = drawName(user, random())
  const symbol = pick(user.symbols, random())
  const timeframe = pick(user.timeframes, random())
  const { method, route } = calls[name]
  switch (name) {
    case 'detect':
      return { name, method, path: `${route}?symbol=${symbol}&timeframe=${timeframe}` }
    case 'generate':
      return { name, method, path: route, body: JSON.stringify({ symbol, timeframe }) }
    case 'backtest':
      return { name, method, path: route, body: backtestBody(symbol, timeframe) }
    case 'active':
      return { name, method, path: `${route}?status=ACTIVE&limit=50` }
    case 'results':
      return { name, method, path: `${route}?page=${1 + Math.floor(random() * 5)}&limit=20` }
    default:
      return { name, method, path: route }
  }
}

export function drawWaitMs({ waitMs: [least, most] }: UserClass, random: () => number): number {
  return least + random() * (most - least)
}

function backtestBody(symbol: string, timeframe: string): string {
  return JSON.stringify({
    symbol,
    timeframe,
    start_date: '2023-01-01',
    end_date: '2024-01-01',
    strategy: 'wyckoff_spring',
  })
}

function drawName({ weights }: UserClass, at: number): CallName {
  const entries = Object.entries(weights) as [CallName, number][]
  let left = at * entries.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [name, weight] of entries) {
    left -= weight
    if (left < 0) return name
  }
  return entries.at(-1)![0]
}

function pick<Item>(items: readonly Item[], at: number): Item {
  return items[Math.floor(at * items.length)]
}
