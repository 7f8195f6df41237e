import type { EngineObserver, RunObserver } from './engine-observer.ts'

/** Two observers of one run. Each is asked for the bars to be timed, and hears of a timed bar only if it asked for it. */
export function teeObserver(first: EngineObserver, second: EngineObserver): EngineObserver {
  return {
    runStarted(run) {
      const a = first.runStarted(run)
      const b = second.runStarted(run)
      if (a === undefined) return b
      return b === undefined ? a : teeRun(a, b)
    },
  }
}

function teeRun(a: RunObserver, b: RunObserver): RunObserver {
  let nextA = -1
  let nextB = -1
  // While a bar is timed, its stages are told to those who asked for it; between bars, to both.
  let timed = -1
  const soonest = (): number => (nextA === -1 ? nextB : nextB === -1 ? nextA : Math.min(nextA, nextB))
  return {
    blockStarted(start, end) {
      nextA = a.blockStarted(start, end)
      nextB = b.blockStarted(start, end)
      return soonest()
    },
    barStarted(bar) {
      timed = bar
      if (nextA === bar) a.barStarted(bar)
      if (nextB === bar) b.barStarted(bar)
    },
    stageEnded(stage) {
      if (timed === -1 || nextA === timed) a.stageEnded(stage)
      if (timed === -1 || nextB === timed) b.stageEnded(stage)
    },
    barEnded(bar) {
      timed = -1
      if (nextA === bar) nextA = a.barEnded(bar)
      if (nextB === bar) nextB = b.barEnded(bar)
      return soonest()
    },
    blockEnded(end) {
      a.blockEnded(end)
      b.blockEnded(end)
    },
    fact(fact) {
      const enough = [a.fact(fact), b.fact(fact)].every((answer) => answer === false)
      return enough ? false : undefined
    },
    runEnded(outcome) {
      a.runEnded(outcome)
      b.runEnded(outcome)
    },
  }
}
