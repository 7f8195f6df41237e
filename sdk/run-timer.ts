import type { Attributes } from '@opentelemetry/api'
import type { ObservedEnd, ObservedFact, RunDescription, RunObserver } from './engine-observer.ts'
import { WorstBars } from './worst-bars.ts'

export interface TimerOptions {
  /**
   * Time 1 bar in this many, on average; the phase is random so that nothing periodic hides. A run known to be short is
   * timed more densely, so that some 100 bars decide how its time is split, down to 1 bar in 16: more would be exact
   * and cost a tenth of the run. Undefined: 1 in 512, and in a run of more than half a million bars some 1,000 of them.
   */
  readonly sampleEvery: number | undefined
  /** How many of the slowest timed bars become spans. */
  readonly worst: number
  /** How many facts become events of the run's span; all are counted. */
  readonly maxFacts: number
  readonly random: () => number
}

interface TimedFact extends ObservedFact {
  /** Reading of the clock when it was told. */
  readonly at: number
}

/**
 * A bar that was timed alone, or a block. There is one of these a run, filled anew for each: a number that goes from
 * function to function would be an object on the heap, one that is written into a field is none.
 */
export interface TimedBars {
  /** The bar, or the first of the block. */
  bar: number
  /** Reading of the clock when it began. */
  startMs: number
  durationMs: number
  /** What the stages that ran over the whole block took per bar. */
  blockShareMs: number
  /** Time of the bar's stages; those of a block are not told apart. */
  readonly stageTimes: Float64Array
}

/** What the owner of a timer hears while the run goes on. */
export interface TimerListener {
  /** A bar was timed alone. */
  barTimed?: ((timed: TimedBars) => void) | undefined
  /** Whether it wants to hear of facts of this kind. Asked once per kind; the clock is read only for those. */
  hears?: ((kind: string) => boolean) | undefined
  /** `sinceMs` is the time since the fact heard before in the same bar, NaN for the first of a bar. */
  factTold?: ((fact: ObservedFact, sinceMs: number) => void) | undefined
  blockEnded?: ((end: number) => void) | undefined
  runEnded?: ((outcome: ObservedEnd) => void) | undefined
  /** Attributes for the run's span, asked when it ends. */
  describe?: (() => Attributes) | undefined
  /** The engine told something that cannot be used; it goes on, this is only for counting. */
  refused?: (() => void) | undefined
}

interface FactKind {
  count: number
  readonly heard: boolean
  /** It is kept while fewer facts than this are: what nobody listens to must not crowd out what decided the run. */
  readonly room: number
}

/** Kinds beyond these are counted as one: what an engine calls its facts must not fill the memory. */
const mostKinds = 32
const otherKind = 'other'
const longestKind = 64
/** Timed bars that tell how a run's time is split to a few percent. */
const enoughTimed = 100
/** So that the next bar to be timed is a small integer, whatever was asked for. */
const mostEvery = 2 ** 29

/** The timer that ended last. */
const kept: RunTimer[] = []

const reading = new Float64Array(1)

/** Reads the clock into `reading`. As its answer the number would be an object wherever this is not compiled in. */
function readClock(): void {
  reading[0] = performance.now()
}

/**
 * Times one run, reading the clock a few times per block of bars and per sampled bar, never twice per bar. All times
 * are milliseconds of `performance.now()`.
 */
export class RunTimer implements RunObserver {
  readonly run: RunDescription
  /** Time measured over whole blocks, by stage. */
  readonly blockStages: Float64Array
  /** Time of the bars timed alone, by stage. */
  readonly barStages: Float64Array
  /** Time of blocks that no whole-block stage took: the bar loop. */
  loopMs = 0
  timedBars = 0
  clockReads = 0
  // Doubles from the start: a field that held anything else first would hold each number as an object.
  startedAt = NaN
  endedAt = NaN
  readonly worstBars: WorstBars
  readonly worstBlocks: WorstBars
  readonly facts: TimedFact[] = []
  readonly factKinds = new Map<string, FactKind>()

  private readonly options: TimerOptions
  private readonly sampleEvery: number
  private readonly listener: TimerListener
  private readonly oneBar: TimedBars
  private readonly block: TimedBars
  private last = 0
  private blockStageMs = 0
  private inBar = false
  private next: number
  private chance: number
  private blockEnd = 0
  private factBar = -1
  private factAt = 0

  constructor(run: RunDescription, options: TimerOptions, listener: TimerListener) {
    const stages = run.stages.length
    this.run = run
    this.options = options
    this.sampleEvery = timeOneIn(options.sampleEvery, run.bars ?? undefined)
    this.listener = listener
    this.blockStages = new Float64Array(stages)
    this.barStages = new Float64Array(stages)
    this.oneBar = timedBars(stages)
    this.block = timedBars(stages)
    this.worstBars = new WorstBars(options.worst, stages)
    this.worstBlocks = new WorstBars(options.worst, 0)
    this.chance = 1 + Math.floor(options.random() * 0x7ffffffe)
    // Seeds that are alike begin alike.
    for (let i = 0; i < 8; i++) this.below(1)
    this.next = this.below(this.sampleEvery)
    this.startedAt = this.endedAt = performance.now()
  }

  blockStarted(first: number, end: number): number {
    const { block } = this
    block.bar = first
    block.startMs = this.last = this.read()
    this.blockEnd = end
    this.blockStageMs = 0
    this.inBar = false
    if (this.next < first) this.next = first + this.gap()
    return this.next < end ? this.next : -1
  }

  barStarted(bar: number): void {
    const { oneBar } = this
    const now = this.read()
    this.loopMs += now - this.last
    oneBar.bar = bar
    oneBar.startMs = this.last = now
    oneBar.blockShareMs = this.blockStageMs / (this.blockEnd - this.block.bar)
    this.inBar = true
  }

  stageEnded(stage: number): void {
    const now = this.read()
    const spent = now - this.last
    this.last = now
    if (this.inBar) {
      this.oneBar.stageTimes[stage] += spent
    } else {
      this.blockStages[stage] += spent
      this.blockStageMs += spent
    }
  }

  barEnded(bar: number): number {
    const { barStages, oneBar } = this
    const { stageTimes } = oneBar
    const now = this.read()
    oneBar.durationMs = now - oneBar.startMs
    this.loopMs += now - oneBar.startMs
    this.last = now
    this.inBar = false
    this.timedBars++
    this.worstBars.offer(oneBar)
    this.listener.barTimed?.(oneBar)
    for (let stage = 0; stage < stageTimes.length; stage++) {
      barStages[stage] += stageTimes[stage]
      stageTimes[stage] = 0
    }
    this.next = bar + 1 + this.gap()
    return this.next < this.blockEnd ? this.next : -1
  }

  blockEnded(end: number): void {
    const { block } = this
    const now = this.read()
    this.loopMs += now - this.last
    this.last = this.endedAt = now
    block.durationMs = now - block.startMs
    this.worstBlocks.offer(block)
    this.listener.blockEnded?.(end)
  }

  fact(fact: ObservedFact): boolean | undefined {
    try {
      const kind = this.factKinds.get(fact.kind) ?? this.newKind(fact.kind)
      kind.count++
      const kept = this.facts.length < kind.room
      if (!kept && !kind.heard) return false
      this.take(fact, kind.heard, kept)
    } catch {
      this.listener.refused?.()
    }
    return undefined
  }

  /**
   * Lets go of what the run was about, and keeps the rest until the next timer takes its place. V8 forgets a class's
   * layout at a full collection that finds no instance, and with it all machine code made for it: the timing of the
   * run after it would be interpreted, and every reading of the clock a number on the heap.
   */
  release(): void {
    this.facts.length = 0
    this.factKinds.clear()
    kept[0] = this
  }

  runEnded(outcome: ObservedEnd): void {
    this.endedAt = this.read()
    for (const [kind, count] of Object.entries(outcome.untold ?? {}))
      (this.factKinds.get(kind) ?? this.newKind(kind)).count += count
    this.listener.runEnded?.(outcome)
  }

  private take(fact: ObservedFact, heard: boolean, kept: boolean): void {
    const now = this.read()
    const { kind, bar, time } = fact
    if (kept) this.facts.push({ kind, bar, time, attributes: fact.attributes, at: now })
    if (!heard) return
    const since = bar === this.factBar ? now - this.factAt : Number.NaN
    this.factBar = bar
    this.factAt = now
    this.listener.factTold?.(fact, since)
  }

  private newKind(name: string): FactKind {
    if (typeof name !== 'string' || name.length > longestKind) throw new TypeError('no kind')
    const known = this.factKinds.size < mostKinds ? undefined : this.factKinds.get(otherKind)
    if (known !== undefined) return known
    const last = this.factKinds.size === mostKinds - 1
    const { hears, factTold } = this.listener
    const { maxFacts } = this.options
    const heard = !last && factTold !== undefined && (hears?.(name) ?? true)
    const room = heard || factTold === undefined ? maxFacts : Math.floor(maxFacts / 2)
    const kind = { count: 0, heard, room }
    this.factKinds.set(last ? otherKind : name, kind)
    return kind
  }

  private read(): number {
    this.clockReads++
    readClock()
    return reading[0]
  }

  /** 0 to 2N - 2 bars until the next timed one, N - 1 on average. */
  private gap(): number {
    return this.below(2 * this.sampleEvery - 1)
  }

  /**
   * A random whole number from 0 to `count - 1`: xorshift32 (Marsaglia, 2003). What `Math.random` answers to a call that
   * was not compiled into its caller is a number on the heap.
   */
  private below(count: number): number {
    let chance = this.chance
    chance ^= chance << 13
    chance ^= chance >>> 17
    chance ^= chance << 5
    this.chance = chance
    return (chance >>> 1) % count
  }
}

function timeOneIn(asked: number | undefined, bars = Infinity): number {
  const sparsest = Math.min(asked ?? Math.max(512, Number.isFinite(bars) ? bars / 1000 : 0), mostEvery)
  return Math.floor(Math.min(sparsest, Math.max(16, bars / enoughTimed)))
}

function timedBars(stages: number): TimedBars {
  return {
    bar: 0,
    startMs: NaN,
    durationMs: NaN,
    blockShareMs: NaN,
    stageTimes: new Float64Array(stages),
  }
}
