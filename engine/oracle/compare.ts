/**
 * Comparisons that remember when they were close calls: a value within 1e-9 (relative) of its threshold may fall on
 * either side of it in an implementation that adds in another order.
 */
const margin = 1e-9

interface CloseCalls {
  count: number
}

/** Counts over the whole run; a test resets it before and reads it after. */
export const closeCalls: CloseCalls = { count: 0 }

function note(value: number, threshold: number): void {
  // Equal to the last digit is no close call: both sides of exact arithmetic agree on it.
  if (value !== threshold && Math.abs(value - threshold) <= margin * Math.max(Math.abs(threshold), 1e-3))
    closeCalls.count++
}

export function atLeast(value: number, threshold: number): boolean {
  note(value, threshold)
  return value >= threshold
}

export function atMost(value: number, threshold: number): boolean {
  note(value, threshold)
  return value <= threshold
}

export function above(value: number, threshold: number): boolean {
  note(value, threshold)
  return value > threshold
}

export function below(value: number, threshold: number): boolean {
  note(value, threshold)
  return value < threshold
}
