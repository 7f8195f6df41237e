import { useCallback, useEffect, useState } from 'preact/hooks'
import { count, counted } from '../format.ts'
import { type BarMarks, covers, type Pattern, readBars, readMarks } from '../model/bar-series.ts'
import { type BarColumns, barsOf, FIRST_VIEW, missingOf, type Span, viewOf } from '../model/bar-window.ts'
import { go, href, readRoute, type Route } from '../route.ts'
import { Candles } from './candles.tsx'
import { DecisionChain } from './decision-chain.tsx'

/** How long a view must stay before what it misses is loaded and the address says it, ms. */
const SETTLED_MS = 150
const LISTED = 200
/** The service that was linked to last, for the link in the head of the page. */
const REMEMBERED = 'tapescope.service'

/** Bars of the service with ranges, patterns, signals and the fills of the last backtest. */
export function Bars({ route }: { route: Route }) {
  const linked = route.query.get('service')
  const service = (linked ?? localStorage.getItem(REMEMBERED) ?? 'http://127.0.0.1:8080').replace(/\/+$/, '')
  useEffect(() => {
    if (linked !== null) localStorage.setItem(REMEMBERED, linked)
  }, [linked])
  const symbol = route.query.get('symbol') ?? 'SPX'
  const timeframe = route.query.get('timeframe') ?? '1d'
  // The address of now, not of the last drawing: a pattern may have been chosen since.
  const set = (changes: Record<string, string | undefined>, replace = false): void => {
    const { path, query: now } = readRoute(location.hash)
    // A view that settles while another page was just asked for does not lead back.
    if (path[0] !== 'bars') return
    const query = Object.fromEntries(now)
    go(href('bars', { service, symbol, timeframe, ...query, ...changes }), replace)
  }
  return (
    <section>
      <div class="bar">
        <h1>
          {symbol} {timeframe}
        </h1>
        {(['service', 'symbol', 'timeframe'] as const).map((field) => (
          <input
            key={field}
            type="text"
            class={field === 'service' ? '' : 'short'}
            aria-label={field}
            value={{ service, symbol, timeframe }[field]}
            onChange={(event) =>
              set({
                [field]: event.currentTarget.value.trim(),
                pattern: undefined,
                from: undefined,
                to: undefined,
              })
            }
          />
        ))}
      </div>
      <Series
        key={`${service} ${symbol} ${timeframe}`}
        of={{ service, symbol, timeframe }}
        route={route}
        set={set}
      />
    </section>
  )
}

interface SeriesProps {
  readonly of: { readonly service: string; readonly symbol: string; readonly timeframe: string }
  readonly route: Route
  readonly set: (changes: Record<string, string | undefined>, replace: boolean) => void
}

function Series({ of, route, set }: SeriesProps) {
  const [bars, setBars] = useState<BarColumns>()
  const [marks, setMarks] = useState<BarMarks>()
  const [view, look] = useState<Span | undefined>(() => linkedView(route))
  const [problem, setProblem] = useState<string>()
  const fail = useCallback((error: Error) => {
    if (error.name !== 'AbortError') setProblem(error.message)
  }, [])
  // The first bars: of the view that was linked to, or the newest.
  useEffect(() => {
    const stop = new AbortController()
    const begin = (loaded: BarColumns): void => {
      setBars(loaded)
      const { length } = loaded.time
      if (view === undefined && length > 0) look(viewOf(loaded, Math.max(0, length - FIRST_VIEW), length))
    }
    readBars(of, view ?? 2 * FIRST_VIEW, stop.signal).then(begin, fail)
    return () => stop.abort()
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once for each series
  }, [])
  useEffect(() => {
    if (bars === undefined || view === undefined) return undefined
    const stop = new AbortController()
    const timer = setTimeout(() => {
      const missing = missingOf(bars, view)
      if (missing) readBars(of, missing, stop.signal).then(setBars, fail)
      const linked = { from: String(Math.round(view.from)), to: String(Math.round(view.to)) }
      const { query } = readRoute(location.hash)
      if (query.get('from') !== linked.from || query.get('to') !== linked.to) set(linked, true)
    }, SETTLED_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- what is asked for hangs on the bars and the view
  }, [bars, view])
  useEffect(() => {
    if (bars === undefined || (marks && covers(marks, bars))) return undefined
    const stop = new AbortController()
    readMarks(of, bars, stop.signal).then(setMarks, fail)
    return () => stop.abort()
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- likewise
  }, [bars])
  const chosen = marks?.patterns.find(({ id }) => id === route.query.get('pattern'))
  // A pattern that is chosen is in sight.
  useEffect(() => {
    if (chosen === undefined || bars === undefined || view === undefined) return
    const edge = (view.to - view.from) / 50
    if (chosen.time > view.from + edge && chosen.time < view.to - edge) return
    const width = view.to - view.from
    look({ from: chosen.time - (width * 2) / 3, to: chosen.time + width / 3 })
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- only when it is chosen
  }, [chosen])
  if (problem !== undefined)
    return (
      <p class="problem" role="alert">
        {problem}
      </p>
    )
  if (bars && bars.series === undefined)
    return (
      <p class="quiet">
        The service has no bars of {of.symbol} {of.timeframe}.
      </p>
    )
  if (bars === undefined || view === undefined || bars.time.length === 0)
    return (
      <p class="quiet" role="status">
        {bars ? 'There is no bar in this window.' : 'Loading…'}
      </p>
    )
  const choose = (pattern: Pattern | undefined): void => set({ pattern: pattern?.id }, true)
  return (
    <>
      <p class="facts">{facts(bars, view, marks)}</p>
      <Candles bars={bars} marks={marks} view={view} look={look} chosen={chosen} choose={choose} />
      {chosen ? (
        <DecisionChain pattern={chosen} time={chosen.time} />
      ) : (
        <Patterns of={marks?.patterns ?? []} choose={choose} />
      )}
    </>
  )
}

/** The view that the address names. */
function linkedView({ query }: Route): Span | undefined {
  const [from, to] = [Number(query.get('from') ?? NaN), Number(query.get('to') ?? NaN)]
  return from <= to ? { from, to } : undefined
}

function facts(bars: BarColumns, view: Span, marks: BarMarks | undefined): string {
  const [first, end] = barsOf(bars, view)
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
  const shown = bars.bars.subarray(first, end).reduce((sum, one) => sum + one, 0)
  const told = [`${count(shown)} bars from ${day(bars.time[first])} to ${day(bars.time[end - 1])}`]
  if (shown > end - first) told.push(`drawn as ${count(end - first)} points`)
  if (bars.series) told.push(`the series: ${day(bars.series.from)} to ${day(bars.series.to)}`)
  if (marks) {
    const more = marks.asked ? 'the newest ' : ''
    told.push(
      more + counted(marks.ranges.length, 'ranges'),
      counted(marks.patterns.length, 'patterns'),
      marks.noEvents === undefined ? counted(marks.events.length, 'events') : `no events: ${marks.noEvents}`,
      `${counted(marks.trades.length, 'trades')} of the last backtest`,
    )
  }
  return told.join(', ')
}

function Patterns({ of, choose }: { of: readonly Pattern[]; choose: (pattern: Pattern) => void }) {
  return (
    <div class="scroll">
      <h3>Patterns</h3>
      <table class="list">
        <tbody>
          {of
            .toReversed()
            .slice(0, LISTED)
            .map((pattern) => (
              <tr key={pattern.id}>
                <td>
                  <button class="link" onClick={() => choose(pattern)}>
                    {pattern.type}
                  </button>
                </td>
                <td>{new Date(pattern.time).toISOString().slice(0, 10)}</td>
                <td>{pattern.side}</td>
                <td class="number">{pattern.confidence} %</td>
                <td class="wide quiet">
                  {pattern.rejectionStage === null
                    ? 'signal'
                    : `rejected by ${pattern.rejectionStage}: ${pattern.rejectionReason ?? ''}`}
                </td>
                <td>
                  <a href={href(`trace/${pattern.traceId}`, { q: pattern.type })}>trace</a>
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      {of.length > LISTED ? <p class="quiet">…and {count(of.length - LISTED)} more.</p> : null}
    </div>
  )
}
