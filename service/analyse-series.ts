import type { BarSeries, SignalEngine } from '@tapescope/engine'
import { traceOf } from '@tapescope/sdk'
import { type AnalysisReport, analysisReport } from './analysis-report.ts'
import type { RowTrace } from './signal-ids.ts'
import { signalRows, type SignalRows } from './signal-rows.ts'

/** What came of an analysis, as plain data. */
export interface Analysed {
  report: AnalysisReport
  /** For storing; null when they were not asked for. */
  rows: SignalRows | null
  /** The span of the analysis; null when it is not recorded. */
  trace: RowTrace | null
}

/** Analyses all bars of a series, and puts what was found into the form in which it is answered and stored. */
export function analyseSeries(engine: SignalEngine, bars: BarSeries, wantsRows: boolean): Analysed {
  const result = engine.generate(bars)
  return {
    report: analysisReport(bars, result),
    rows: wantsRows ? signalRows(bars, result) : null,
    trace: traceOf(result) ?? null,
  }
}
