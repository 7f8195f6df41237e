import { useEffect, useState } from 'preact/hooks'
import { count } from '../format.ts'
import { type BarSeries, readBars } from '../model/bar-series.ts'
import { go, href, type Route } from '../route.ts'
import { Candles } from './candles.tsx'
import { DecisionChain } from './decision-chain.tsx'

/** Bars of the service with ranges, patterns, signals and the fills of the last backtest. */
export function Bars({ route }: { route: Route }) {
  const service = (route.query.get('service') ?? 'http://127.0.0.1:8080').replace(/\/+$/, '')
  const symbol = route.query.get('symbol') ?? 'SPX'
  const timeframe = route.query.get('timeframe') ?? '1d'
  const [series, setSeries] = useState<BarSeries>()
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    const stop = new AbortController()
    setSeries(undefined)
    setProblem(undefined)
    readBars(service, symbol, timeframe, stop.signal).then(setSeries, (error: Error) => {
      if (!stop.signal.aborted) setProblem(error.message)
    })
    return () => stop.abort()
  }, [service, symbol, timeframe])
  const set = (changes: Record<string, string | undefined>, replace = false): void =>
    go(href('bars', { service, symbol, timeframe, ...Object.fromEntries(route.query), ...changes }), replace)
  const chosen = series?.patterns.find(({ id }) => id === route.query.get('pattern'))
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
            onChange={(event) => set({ [field]: event.currentTarget.value.trim(), pattern: undefined })}
          />
        ))}
        {series ? (
          <span class="facts">
            {count(series.time.length)} bars, {count(series.ranges.length)} ranges,{' '}
            {count(series.patterns.length)} patterns, {count(series.trades.length)} trades
          </span>
        ) : null}
      </div>
      {problem === undefined ? null : (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {series === undefined && problem === undefined ? (
        <p class="quiet" role="status">
          Loading…
        </p>
      ) : null}
      {series && series.time.length === 0 ? (
        <p class="quiet">
          The service has no bars of {symbol} {timeframe}.
        </p>
      ) : null}
      {series && series.time.length > 0 ? (
        <>
          <Candles
            series={series}
            chosen={chosen}
            choose={(pattern) => set({ pattern: pattern?.id }, true)}
          />
          {chosen ? (
            <DecisionChain pattern={chosen} time={series.time[chosen.bar]} />
          ) : (
            <div class="scroll">
              <h3>Patterns</h3>
              <table class="list">
                <tbody>
                  {series.patterns.toReversed().map((pattern) => (
                    <tr key={pattern.id}>
                      <td>
                        <button class="link" onClick={() => set({ pattern: pattern.id }, true)}>
                          {pattern.type}
                        </button>
                      </td>
                      <td>{new Date(series.time[pattern.bar]).toISOString().slice(0, 10)}</td>
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
            </div>
          )}
        </>
      ) : null}
    </section>
  )
}
