import { type Attributes, type Context, type Span, type Tracer } from '@opentelemetry/api'
import type { MetricStore } from './metric-store.ts'
import type { RunTimer } from './run-timer.ts'
import { mostAttributes, smallAttributes } from './small-attributes.ts'
import { remembered } from './remembered.ts'
import { setClock, type SpanClock } from './span-clock.ts'
import type { RecordedSpan } from './spans/recorded-span.ts'

/**
 * Makes the spans below a run's span, after the loop: one per stage, then the slowest of the timed bars (or blocks,
 * when no bar was timed). All have explicit times of the run's clock and lie within the run.
 */
export function buildRunSpans(
  timer: RunTimer,
  tracer: Tracer,
  parent: Context,
  clock: SpanClock,
  spanCap: number,
): number {
  let made = 0
  const add = (name: string, start: number, end: number, attributes: Attributes): void => {
    if (made >= spanCap) return
    made++
    const span = tracer.startSpan(name, { startTime: clock.at(start), attributes }, parent)
    setClock(span, clock)
    span.end(clock.at(end))
  }
  addStages(timer, add)
  addWorst(timer, add)
  return made
}

type Add = (name: string, start: number, end: number, attributes: Attributes) => void

/**
 * Stages stand one after another from the run's start; their sum is never more than the run's duration. The time of the
 * loop is exact; how it splits over the stages that run per bar is estimated from the timed bars. Of those, the worst
 * count once, as what they are (a collection of garbage, a signal), and the others stand for all untimed bars.
 */
function addStages(timer: RunTimer, add: Add): void {
  const { blockStages, barStages, loopMs, timedBars, startedAt, endedAt, worstBars } = timer
  const { stages } = timer.run
  const rare = timedBars >= 10 * worstBars.count ? worstOf(timer) : new Float64Array(stages.length)
  const sum = (times: Float64Array): number => times.reduce((total, ms) => total + ms, 0)
  const ordinaryMs = sum(barStages) - sum(rare)
  const observedMs = endedAt - startedAt
  const perOrdinary = ordinaryMs > 0 ? Math.max(0, loopMs - sum(rare)) / ordinaryMs : 0
  let start = startedAt
  for (const [stage, name] of stages.entries()) {
    const estimated = barStages[stage] > 0
    const ms = blockStages[stage] + rare[stage] + (barStages[stage] - rare[stage]) * perOrdinary
    if (ms === 0) continue
    const end = Math.min(start + ms, endedAt)
    const attributes: Attributes = {
      'tapescope.stage.share': observedMs > 0 ? Math.min(1, ms / observedMs) : 0,
      'tapescope.stage.estimated': estimated,
    }
    if (estimated) attributes['tapescope.bars.timed'] = timedBars
    add(stageName(name), start, end, attributes)
    start = end
  }
}

/** Time that the worst of the timed bars took, by stage. */
function worstOf({ worstBars, run }: RunTimer): Float64Array {
  const stages = run.stages.length
  const times = new Float64Array(stages)
  for (let i = 0; i < worstBars.count * stages; i++) times[i % stages] += worstBars.stageTimes[i]
  return times
}

function addWorst({ worstBars, worstBlocks, run }: RunTimer, add: Add): void {
  const bars = worstBars.count > 0
  const worst = bars ? worstBars : worstBlocks
  const stages = run.stages.length
  for (const [i, entry] of worst.ranked().entries()) {
    const attributes: Attributes = { 'tapescope.bar': worst.bar[entry], 'tapescope.rank': i + 1 }
    for (const [stage, name] of bars ? run.stages.entries() : []) {
      const ms = worst.stageTimes[entry * stages + stage]
      if (ms > 0) attributes[stageDuration(name)] = ms * 1000
    }
    const start = worst.start[entry]
    add(bars ? 'bar.sampled' : 'block.sampled', start, start + worst.duration[entry], attributes)
  }
}

/** Facts as events of the run's span, at the time they were told. */
export function addFacts(span: Span, timer: RunTimer, clock: SpanClock, store: MetricStore): void {
  let counted = 0
  for (const [kind, { count }] of timer.factKinds) {
    span.setAttribute(factsOf(kind), count)
    counted += count
  }
  const taking: Span & Partial<Pick<RecordedSpan, 'giveEvent'>> = span
  for (const { kind, bar, time, attributes, at } of timer.facts) {
    const told = smallAttributes(attributes, store)
    told['tapescope.bar'] = bar
    if (Number.isFinite(time)) told['tapescope.bar.time'] = isoTime(time)
    // The copy is ours already.
    if (taking.giveEvent !== undefined) taking.giveEvent(kind, told, mostAttributes + 2, clock.at(at))
    else span.addEvent(kind, told, clock.at(at))
  }
  if (counted > timer.facts.length) span.setAttribute('tapescope.facts.dropped', counted - timer.facts.length)
}

/** Names that are put together are remembered: they come with every run, and a new text is dear as a name. */
const named = (prefix: string): ((name: string) => string) => remembered((name: string) => prefix + name)
const stageName = named('stage.')
const stageDuration = named('tapescope.stage.duration_us.')
const factsOf = named('tapescope.facts.')

/** ISO 8601; a number that is no date as it is. The bars of a series come again with every run over it. */
const isoTime = remembered((ms: number) =>
  Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms),
)
