import type { EngineObserver, ObservedFact, RunDescription, RunObserver } from './engine-observer.ts'
import { ObservedRun, type RunInfo } from './observed-run.ts'
import type { TimerListener } from './run-timer.ts'
import type { ResolvedObserveOptions } from './telemetry-options.ts'

/**
 * Observes bars that arrive one by one. A stream has no end to wait for, so each block of it is a run with a span of
 * its own; the last one ends when the session does.
 */
export class StreamObserver implements EngineObserver {
  private readonly info: RunInfo
  private readonly options: ResolvedObserveOptions
  private readonly listener: TimerListener

  constructor(info: RunInfo, options: ResolvedObserveOptions, listener: TimerListener) {
    this.info = info
    this.options = options
    this.listener = listener
  }

  runStarted(description: RunDescription): RunObserver {
    const { tracer, timer, spanCap, store } = this.options
    let run: ObservedRun | undefined
    let timed: RunObserver | undefined
    let first = 0
    const begin = (): RunObserver => {
      run = new ObservedRun(this.info, {
        tracer,
        timer,
        spanCap,
        listener: this.listener,
        store,
      })
      return (timed = run.runStarted(description))
    }
    const end = (bars: number, error?: unknown): void => {
      if (error === undefined) run?.completed(bars)
      else run?.failed(error)
      run = timed = undefined
    }
    return {
      blockStarted(start, blockEnd) {
        if (run !== undefined) end(start - first)
        first = start
        return begin().blockStarted(start, blockEnd)
      },
      barStarted: (bar) => timed?.barStarted(bar),
      stageEnded: (stage) => timed?.stageEnded(stage),
      barEnded: (bar) => timed?.barEnded(bar) ?? -1,
      blockEnded(blockEnd) {
        timed?.blockEnded(blockEnd)
        end(blockEnd - first)
      },
      // What one block has had enough of, the next one wants.
      fact(fact: ObservedFact) {
        ;(timed ?? begin()).fact(fact)
        return undefined
      },
      runEnded: ({ bars, error }) => end(Math.max(0, bars - first), error),
    }
  }
}
