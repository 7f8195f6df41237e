import type { EngineObserver, ObservedFact, RunObserver, SignalEngine } from '@tapescope/engine'

/**
 * The same engine, telling its facts under the names of the telemetry registry: `pattern`, `signal`, `rejection` with
 * `pattern_type` and `rejection_stage`. The engine speaks of facts in its own words, and the SDK knows no engine; the
 * service knows both.
 */
export function withRegistryFacts(engine: SignalEngine): SignalEngine {
  return {
    generate: (bars, run = {}) => engine.generate(bars, { observer: translating(run.observer) }),
    open: (series, run = {}) => engine.open(series, { observer: translating(run.observer) }),
  }
}

function translating(observer: EngineObserver | undefined): EngineObserver | undefined {
  if (observer === undefined) return undefined
  return {
    runStarted(description) {
      const run = observer.runStarted(description)
      return run === undefined ? undefined : translatingRun(run)
    },
  }
}

/** The run's own methods, as they are; only `fact` is another. */
function translatingRun(run: RunObserver): RunObserver {
  const translated = Object.create(run) as RunObserver
  translated.fact = (fact) => run.fact(inRegistryWords(fact))
  for (const name of [
    'blockStarted',
    'barStarted',
    'stageEnded',
    'barEnded',
    'blockEnded',
    'runEnded',
  ] as const) {
    translated[name] = run[name].bind(run) as never
  }
  return translated
}

function inRegistryWords(fact: ObservedFact): ObservedFact {
  const { type, stage, ...attributes } = fact.attributes
  return {
    ...fact,
    kind: fact.kind.toLowerCase(),
    attributes: {
      ...attributes,
      ...(type !== undefined && { pattern_type: type }),
      ...(stage !== undefined && { rejection_stage: stage }),
    },
  }
}
