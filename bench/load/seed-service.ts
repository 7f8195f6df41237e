import type { BarSeries } from '@tapescope/engine'
import { seedBars } from './seed-bars.ts'
import { symbols, timeframes } from './traffic-model.ts'

export interface Target {
  readonly url: string
  readonly key: string | null
}

export const seriesCount = symbols.length * timeframes.length

/** A sentence about the service that is to be loaded; the tool ends with it. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
}

/** Stores the bars of all series over HTTP, as any client would. @throws TargetError */
export async function seedService(
  target: Target,
  seed: number,
  onSeries: (done: number, bars: number) => void,
  signal: AbortSignal,
): Promise<number> {
  let done = 0
  let stored = 0
  for (const bars of seedBars(seed)) {
    const { symbol, timeframe } = bars
    const { status, text } = await ask(target, `/api/v1/bars?${new URLSearchParams({ symbol, timeframe })}`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: csvOf(bars),
      signal,
    })
    if (status !== 200)
      throw new TargetError(`Storing ${symbol} ${timeframe} was answered with ${status}: ${text}`)
    stored += bars.length
    onSeries(++done, stored)
  }
  return stored
}

/** Every series must have bars, so that 200 is the honest answer of every call. @throws TargetError naming what lacks */
export async function checkTarget(target: Target, signal: AbortSignal): Promise<void> {
  const { status } = await ask(target, '/readyz', { signal })
  if (status !== 200)
    throw new TargetError(`${target.url}/readyz was answered with ${status}: it is not ready.`)
  const without: string[] = []
  for (const symbol of symbols)
    for (const timeframe of timeframes) {
      const query = new URLSearchParams({ symbol, timeframe })
      const { status, text } = await ask(target, `/api/v1/patterns/detect?${query}`, { signal })
      if (status === 401) throw new TargetError(`${target.url} wants another API key: give it with --key.`)
      if (status === 404) without.push(`${symbol} ${timeframe}`)
      else if (status !== 200)
        throw new TargetError(`GET patterns/detect?${query} was answered with ${status}: ${text}`)
    }
  if (without.length === 0) return
  throw new TargetError(
    `${without.length} of ${seriesCount} series have no bars at ${target.url}, ${without[0]} first: their calls would be ` +
      'answered with 404. Store bars for them, or let --seed do it.',
  )
}

async function ask(
  { url, key }: Target,
  path: string,
  { headers: given, ...init }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> },
): Promise<{ status: number; text: string }> {
  const headers = { ...given, ...(key !== null && { authorization: `Bearer ${key}` }) }
  try {
    const response = await fetch(url + path, { ...init, headers })
    return { status: response.status, text: (await response.text()).slice(0, 300) }
  } catch (error) {
    if (init.signal?.aborted) throw error
    const { cause } = error as { cause?: NodeJS.ErrnoException }
    throw new TargetError(`${url} does not answer (${cause?.code ?? (error as Error).message}).`, {
      cause: error,
    })
  }
}

function csvOf({ length, time, open, high, low, close, volume }: BarSeries): string {
  const lines = ['date,open,high,low,close,volume']
  for (let i = 0; i < length; i++)
    lines.push(
      `${new Date(time[i]).toISOString()},${open[i]},${high[i]},${low[i]},${close[i]},${Math.round(volume[i])}`,
    )
  return lines.join('\n')
}
