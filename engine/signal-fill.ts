import type { SignalStatus } from './signal.ts'

/** The part of a signal by which its bars are judged. */
export interface SignalLevels {
  /** 1 for LONG, -1 for SHORT. */
  readonly side: 1 | -1
  readonly stop: number
  readonly target: number
}

/** Why an approved signal cannot be filled at `open` (method 9.5); null when it is filled there. */
export function refusedAtOpen({ side, stop, target }: SignalLevels, open: number): string | null {
  if (side * (open - stop) <= 0) return 'opened beyond the stop'
  if (side * (target - open) <= 0) return 'opened beyond the target'
  return null
}

export interface SignalExit {
  readonly status: Extract<SignalStatus, 'STOPPED' | 'TARGET_HIT'>
  readonly price: number
}

/**
 * Where a filled signal ends within a bar; null when it lives on. Both levels touched counts as the stop, and a bar
 * that opens beyond the stop ends there (method 13.2).
 */
export function exitWithin(
  { side, stop, target }: SignalLevels,
  open: number,
  high: number,
  low: number,
): SignalExit | null {
  const worst = side === 1 ? low : high
  const best = side === 1 ? high : low
  if (side * (worst - stop) <= 0) return { status: 'STOPPED', price: side * (open - stop) < 0 ? open : stop }
  if (side * (best - target) >= 0) return { status: 'TARGET_HIT', price: target }
  return null
}
