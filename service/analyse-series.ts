import type { BarSeries, SignalEngine } from '@tapescope/engine'
import { traceOf } from '@tapescope/sdk'
import { type AnalysisReport, analysisReport } from './analysis-report.ts'
import { type EventWindow, type WindowEvents, windowEvents } from './window-events.ts'
import type { RowTrace } from './signal-ids.ts'
import { signalRows, type SignalRows } from './signal-rows.ts'

/** What is asked for besides the report. */
export interface Wants {
  rows?: boolean
  events?: EventWindow
}

/** What came of an analysis, as plain data. */
export interface Analysed {
  report: AnalysisReport
  /** Null when they were not asked for. */
  events: WindowEvents | null
  /** For storing; null when they were not asked for. */
  rows: SignalRows | null
  /** The span of the analysis; null when it is not recorded. */
  trace: RowTrace | null
}

/** Analyses all bars of a series, and puts what was found into the form in which it is answered and stored. */
export function analyseSeries(
  engine: SignalEngine,
  bars: BarSeries,
  { rows = false, events }: Wants,
): Analysed {
  const result = engine.generate(bars)
  return {
    report: analysisReport(bars, result),
    events: events === undefined ? null : windowEvents(result, events),
    rows: rows ? signalRows(bars, result) : null,
    trace: traceOf(result) ?? null,
  }
}
