import type { UserClassName } from './traffic-model.ts'

export interface Scenario {
  readonly users: number
  /** Users that begin per second, until all have. */
  readonly spawnPerSecond: number
  readonly seconds: number
  readonly userClass: UserClassName
}

export const scenarios = {
  light: { users: 10, spawnPerSecond: 2, seconds: 120, userClass: 'trading' },
  medium: { users: 50, spawnPerSecond: 5, seconds: 300, userClass: 'trading' },
  heavy: { users: 100, spawnPerSecond: 10, seconds: 300, userClass: 'trading' },
  stress: { users: 200, spawnPerSecond: 20, seconds: 600, userClass: 'heavy' },
  custom: { users: 10, spawnPerSecond: 5, seconds: 30, userClass: 'trading' },
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof scenarios

/** What a run must reach. Null is not asked for. */
export interface Criteria {
  readonly p95Ms: number
  /** Fraction of all answers. */
  readonly failures: number
  /** Successful answers per second. */
  readonly perSecond: number | null
  readonly burstMs: number
}

/** light cannot reach 20 requests/s: 10 users who wait 2 s make about 5. */
export function criteriaOf(name: ScenarioName): Criteria {
  return {
    p95Ms: name === 'stress' ? 5_000 : 2_000,
    failures: 0.01,
    perSecond: name === 'medium' || name === 'heavy' || name === 'stress' ? 20 : null,
    burstMs: 2_000,
  }
}

/** Stress on fewer cores says more about the machine than about the service: reported, not judged. */
export const stressCores = 4

/** What the generator is told to do. */
export interface LoadPlan {
  readonly url: string
  readonly key: string | null
  readonly userClass: UserClassName
  readonly seconds: number
  /** Closed: users who wait for their answers. Open: calls that come whether or not others are answered. */
  readonly load:
    | { readonly kind: 'users'; readonly users: number; readonly spawnPerSecond: number }
    | { readonly kind: 'arrivals'; readonly perSecond: number }
  readonly seed: number
  /** One figure of the report's charts covers so much time. */
  readonly windowSeconds: number
  readonly timeoutMs: number
  /** Of the accepted backtests, one in so many is followed to its end, beginning with the first. */
  readonly followOneIn: number
  /** So many of the slowest answers are named with their traces. */
  readonly slowest: number
}

/** When the last user has begun, in seconds; 0 for arrivals. */
export function rampSeconds({ load, seconds }: Pick<LoadPlan, 'load' | 'seconds'>): number {
  return load.kind === 'users' ? Math.min(seconds, (load.users - 1) / load.spawnPerSecond) : 0
}
