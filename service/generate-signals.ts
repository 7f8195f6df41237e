import { type Analysed, analyseSeries, type Wants } from './analyse-series.ts'
import type { AnalysisEngines } from './analysis-engines.ts'
import type { AnalysisReport } from './analysis-report.ts'
import type { AnalysisThread } from './analysis-thread.ts'
import { type Database, DatabaseUnavailable } from './database.ts'
import type { SeriesKey } from './load-bars.ts'
import { Problem } from './problem.ts'
import type { SeriesCache, StoredSeries } from './series-cache.ts'
import { storeRows } from './store-signals.ts'
import { createTurns } from './turns.ts'
import type { EventWindow, WindowEvents } from './window-events.ts'

export interface Generated {
  report: AnalysisReport
  /** Ids of the signals that this call stored. */
  newSignals: readonly string[]
}

export interface SignalGeneration {
  /** Analyses all stored bars of a series, from the first; stores nothing. @throws Problem 404 when there are none */
  look(key: SeriesKey): Promise<AnalysisReport>
  /** The same for the Wyckoff events of a window. */
  events(key: SeriesKey, window: EventWindow): Promise<WindowEvents>
  /**
   * Analyses them and stores the signals that are new. Calls for one series that wait at the same time share the next
   * run, whose signals are new to the first of them. @throws Problem 404 without bars, 503 when too many wait
   */
  generate(key: SeriesKey, user: string): Promise<Generated>
  /** After new bars: signals of the series that live are brought up to them. A series without any costs one look. */
  refresh(key: SeriesKey, user: string): Promise<void>
}

interface SignalGenerationOptions {
  database: Database
  series: SeriesCache
  engines: AnalysisEngines
  /** Where long series are analysed; without it all are here. */
  thread?: AnalysisThread
}

/** Bars from which on a series is analysed in the thread: about 10 ms, in which no other request is answered. */
const longBars = 20_000

/** Series that are analysed and stored at once: fewer than the pool has connections, so that other requests find one. */
const places = 4
/** A request is answered within 3 s, if only with 503. */
const patienceMs = 2_000
/** `setTimeout` takes no more. */
const anyTimeMs = 2 ** 31 - 1

export function createSignalGeneration(options: SignalGenerationOptions): SignalGeneration {
  const { database, series, engines, thread } = options
  const turns = createTurns(places)
  /** Runs that have not begun: whoever comes now may join, as they will read the bars later. */
  const waiting = new Map<string, Promise<Generated>>()
  /** What is stored of a series: an analysis of the same bars would find and store the same again. */
  const stored = new Map<string, { revision: string; signals: number; digests: ReadonlySet<string> }>()

  async function load(key: SeriesKey): Promise<StoredSeries> {
    const found = await series.load(database, key)
    if (found.bars.length === 0)
      throw new Problem(404, `No bars of ${key.symbol} ${key.timeframe} are stored.`)
    return found
  }

  async function analyse(
    mode: keyof AnalysisEngines,
    { bars }: StoredSeries,
    wants: Wants,
    waitMs: number,
  ): Promise<Analysed> {
    return thread === undefined || bars.length < longBars
      ? analyseSeries(engines[mode], bars, wants)
      : thread.run({ bars, mode, wants }, waitMs, tooMany)
  }

  async function analyseAndStore(key: SeriesKey, user: string, waitMs: number): Promise<Generated> {
    const found = await load(key)
    const { bars, revision } = found
    const name = nameOf(key)
    const remembered = stored.get(name)
    const before = remembered?.signals === (await countSignals(database, key)) ? remembered : undefined
    const { report, rows, trace } = await analyse(
      'live',
      found,
      { rows: before?.revision !== revision },
      waitMs,
    )
    if (rows === null) return { report, newSignals: [] }
    // Whatever becomes of it: after an error all of it is sent again.
    stored.delete(name)
    const { newSignals, digests } = await storeRows(database, bars, rows, trace, user, before?.digests)
    stored.set(name, { revision, signals: await countSignals(database, key), digests })
    for (const oldest of stored.keys()) {
      if (stored.size <= maxRemembered) break
      stored.delete(oldest)
    }
    return { report, newSignals }
  }

  async function inTurn<Result>(
    key: SeriesKey,
    waitMs: number,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const release = await turns.take(nameOf(key), waitMs, tooMany)
    try {
      return await work()
    } catch (error) {
      // What one learnt about the database holds for those who wait: they would learn it later.
      if (error instanceof DatabaseUnavailable) turns.dismiss(error)
      throw error
    } finally {
      release()
    }
  }

  return {
    look: async (key) => (await analyse('replay', await load(key), {}, patienceMs)).report,
    events: async (key, events) => (await analyse('replay', await load(key), { events }, patienceMs)).events!,
    async generate(key, user) {
      const name = JSON.stringify([user, nameOf(key)])
      const joined = waiting.get(name)
      if (joined !== undefined) return { ...(await joined), newSignals: [] }
      const run = inTurn(key, patienceMs, () => {
        waiting.delete(name)
        return analyseAndStore(key, user, patienceMs)
      })
      waiting.set(name, run)
      try {
        return await run
      } finally {
        if (waiting.get(name) === run) waiting.delete(name)
      }
    },
    async refresh(key, user) {
      const [open] = await database.query<{ open: boolean }>({
        name: 'signals.any_active',
        text: `SELECT EXISTS (SELECT FROM signals WHERE symbol = $1 AND timeframe = $2
          AND status = ANY('{PENDING,APPROVED,FILLED}')) AS open`,
        values: [key.symbol, key.timeframe],
      })
      if (open.open) await inTurn(key, anyTimeMs, () => analyseAndStore(key, user, anyTimeMs))
    },
  }
}

/** Series of which is remembered what is stored. */
const maxRemembered = 20_000

function nameOf({ symbol, timeframe }: SeriesKey): string {
  return `${timeframe} ${symbol}`
}

function tooMany(): Problem {
  return new Problem(503, 'Too many analyses wait already. Nothing was stored: send it again.', {
    headers: { 'Retry-After': '1' },
  })
}

async function countSignals(database: Database, { symbol, timeframe }: SeriesKey): Promise<number> {
  const [{ count }] = await database.query<{ count: number }>({
    name: 'signals.count',
    text: 'SELECT count(*)::INT AS count FROM signals WHERE symbol = $1 AND timeframe = $2',
    values: [symbol, timeframe],
  })
  return count
}
