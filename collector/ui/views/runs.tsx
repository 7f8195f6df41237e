import { useState } from 'preact/hooks'
import type { Run } from '../api.ts'
import { count, duration, time, valueText } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { go, href, type Route } from '../route.ts'
import { ImportRun } from './import-run.tsx'

const KINDS = { backtest: 'backtest', signals: 'signals', stream: 'stream' }

/** Runs of engines: backtests, generations of signals, blocks of a stream. Two of them can be compared. */
export function Runs({ route }: { route: Route }) {
  const filter = route.query.get('q') ?? ''
  const replays = route.query.get('replays') === 'true'
  const runs = useGet<{ runs: Run[] }>('/api/runs?limit=200', 2000)
  const [chosen, choose] = useState<readonly string[]>([])
  const set = (changes: Record<string, string>): void =>
    go(href('runs', { ...Object.fromEntries(route.query), ...changes }), true)
  const toggle = (id: string): void =>
    choose(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-2))
  return (
    <section>
      <div class="bar">
        <h1>Runs</h1>
        <input
          type="search"
          aria-label="Filter runs"
          placeholder="Filter: symbol, kind, parameter…"
          value={filter}
          onInput={(event) => set({ q: event.currentTarget.value })}
        />
        <button
          disabled={chosen.length !== 2}
          onClick={() => go(href('compare', { a: chosen[0], b: chosen[1] }))}
        >
          Compare {chosen.length}/2
        </button>
        <ImportRun />
        <label class="check">
          <input
            type="checkbox"
            checked={replays}
            onChange={(event) => set({ replays: event.currentTarget.checked ? 'true' : '' })}
          />
          replays
        </label>
      </div>
      <Show of={runs}>
        {({ runs }) => {
          const wanted = runs.filter(
            (run) => (replays || !isReplay(run)) && textOf(run).includes(filter.toLowerCase()),
          )
          if (runs.length === 0) return <Empty />
          return (
            <div class="scroll">
              <table class="list">
                <thead>
                  <tr>
                    <th>
                      <span class="hidden">Compare</span>
                    </th>
                    <th>Run</th>
                    <th>Symbol</th>
                    <th>Parameters</th>
                    <th class="number">Bars</th>
                    <th class="number">Duration</th>
                    <th class="number">per bar</th>
                    <th>Result</th>
                    <th>Started</th>
                  </tr>
                </thead>
                <tbody>
                  {wanted.map((run) => (
                    <tr key={run.spanId}>
                      <td>
                        <input
                          type="checkbox"
                          aria-label={`Compare ${run.name} of ${time(run.startTime)}`}
                          checked={chosen.includes(run.traceId)}
                          onChange={() => toggle(run.traceId)}
                        />
                      </td>
                      <td>
                        <a href={href(`trace/${run.traceId}`, { span: run.spanId })}>{KINDS[run.kind]}</a>
                        <span class="quiet"> {run.service}</span>
                      </td>
                      <td>
                        {run.symbol ?? '–'} <span class="quiet">{run.timeframe}</span>
                      </td>
                      <td class="wide parameters">{parameters(run)}</td>
                      <td class="number">{run.bars === null ? '–' : count(run.bars)}</td>
                      <td class="number">{duration(run.durationMs)}</td>
                      <td class="number">{run.bars ? duration(run.durationMs / run.bars) : '–'}</td>
                      <td>
                        {run.error ? <b class="bad">error</b> : null} {facts(run)}
                      </td>
                      <td>{time(run.startTime)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {wanted.length === 0 ? (
                <p class="quiet">
                  {filter === '' ? 'Only replays so far, which store nothing.' : `No run has “${filter}”.`}
                </p>
              ) : null}
            </div>
          )
        }}
      </Show>
    </section>
  )
}

/** A question to the engine, as the service's for a series' state or the viewer's for its events: it stored nothing. */
const isReplay = ({ attributes }: Run): boolean => attributes['tapescope.mode'] === 'replay'

function Empty() {
  return (
    <p class="quiet">
      No run yet. Send OTLP to the sidecar (port 4318): every engine that the SDK observes shows its runs
      here.
    </p>
  )
}

function parameters(run: Run): string {
  const given = Object.entries(run.attributes)
    .filter(([key]) => key.startsWith('tapescope.run.'))
    .map(([key, value]) => `${key.replace('tapescope.run.', '')}=${valueText(value)}`)
  if (run.revision !== null) given.push(`revision=${run.revision.slice(0, 10)}`)
  return given.join(' ')
}

/** What the run counted: fills, signals, rejections. */
function facts(run: Run): string {
  const of = (name: string): string[] => {
    const value = run.attributes[`tapescope.facts.${name}`]
    return typeof value === 'number' ? [`${count(value)} ${name.toLowerCase()}${value === 1 ? '' : 's'}`] : []
  }
  return [...of('fill'), ...of('PATTERN'), ...of('SIGNAL'), ...of('REJECTION')].join(', ')
}

function textOf(run: Run): string {
  const { kind, service, symbol, timeframe, name } = run
  return `${kind} ${service} ${symbol} ${timeframe} ${name} ${parameters(run)} ${run.error ? 'error' : ''}`.toLowerCase()
}
