import { change, judge, type GateRule, type Judgement } from './compare.ts'
import { shuffled } from './statistics.ts'

/** What one fresh process gave: quantiles over its iterations, ns per unit. */
export interface Sample {
  readonly p25: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export type Side = 'base' | 'head'

export interface GateRoundsOptions {
  readonly names: readonly string[]
  /** The benchmark that is compared with itself; it takes part in every round. */
  readonly canary: { readonly name: string; readonly side: Side }
  /** Starts a fresh process of that side for that benchmark. */
  sample(side: Side, name: string): Promise<Sample>
  readonly rule: GateRule & {
    readonly looks: readonly number[]
    /** Ascending counts of fresh rounds after which a failure is judged on them alone. */
    readonly confirmationRounds: readonly number[]
  }
  readonly random: () => number
  readonly signal?: AbortSignal
  roundDone?(progress: { rounds: number; open: number }): void
}

export type TrackOutcome = 'REGRESSION' | 'IMPROVED' | 'PASS' | 'INCONCLUSIVE' | 'BROKEN'

/** The pairs of one benchmark, and how its comparison ended. */
export interface Track {
  readonly name: string
  readonly base: Sample[]
  readonly head: Sample[]
  /** The fresh rounds that confirmed a failure (or did not), inside of `base` and `head`. */
  confirmations: number
  outcome: TrackOutcome | 'OPEN'
  /** Why it is BROKEN. */
  reason?: string
}

interface GateRounds {
  readonly tracks: readonly Track[]
  readonly canary: Track
  /** False when the canary did not pass: nothing can be judged. */
  readonly quiet: boolean
  readonly rounds: number
}

/**
 * Compares in paired rounds: each round starts one process per side of every benchmark that is still open, in
 * random order, and two of the canary. At each look the rule decides; a failure must be confirmed by fresh rounds
 * judged alone, otherwise it stays open. What is open after the last look is INCONCLUSIVE.
 */
export async function runGateRounds(options: GateRoundsOptions): Promise<GateRounds> {
  const { rule, random } = options
  const tracks = options.names.map(newTrack)
  const canary = newTrack(options.canary.name)
  let rounds = 0

  const pair = async (track: Track, sides: Record<Side, Side>): Promise<void> => {
    try {
      const found: Partial<Record<Side, Sample>> = {}
      for (const side of shuffled(['base', 'head'] as const, random))
        found[side] = await options.sample(sides[side], track.name)
      track.base.push(found.base!)
      track.head.push(found.head!)
    } catch (error) {
      options.signal?.throwIfAborted()
      track.outcome = 'BROKEN'
      track.reason = (error as Error).message
    }
  }
  const round = async (among: readonly Track[]): Promise<void> => {
    for (const track of shuffled([...among, canary], random)) {
      if (track.outcome === 'BROKEN') continue
      const itself = options.canary.side
      await pair(track, track === canary ? { base: itself, head: itself } : { base: 'base', head: 'head' })
    }
    rounds += 1
    options.roundDone?.({ rounds, open: tracks.filter(isOpen).length })
  }
  const judgeFrom = (track: Track, from = 0): Judgement =>
    judge(change(p25(track.base.slice(from)), p25(track.head.slice(from)), rule.confidence), rule)

  const confirm = async (suspects: readonly Track[]): Promise<void> => {
    const from = new Map(suspects.map((track) => [track, track.base.length]))
    let fresh = 0
    for (const until of rule.confirmationRounds) {
      while (fresh < until && suspects.some(isOpen)) {
        for (const track of suspects.filter(isOpen)) track.confirmations += 1
        await round(suspects.filter(isOpen))
        fresh += 1
      }
      for (const track of suspects.filter(isOpen)) {
        if (judgeFrom(track, from.get(track)) === 'FAIL') track.outcome = 'REGRESSION'
        else if (judgeFrom(track) === 'PASS') track.outcome = 'PASS'
      }
    }
  }

  for (const look of rule.looks) {
    const wants = (track: Track): boolean => isOpen(track) && track.base.length < look
    while (tracks.some(wants) || (canary.outcome === 'OPEN' && canary.base.length < look))
      await round(tracks.filter(wants))
    const suspects: Track[] = []
    for (const track of tracks.filter(isOpen)) {
      const judgement = judgeFrom(track)
      if (judgement === 'FAIL') suspects.push(track)
      else if (judgement !== 'OPEN') track.outcome = judgement
    }
    await confirm(suspects)
    if (canary.outcome === 'BROKEN') break
    if (!tracks.some(isOpen) && judgeFrom(canary) === 'PASS') break
  }
  for (const track of tracks) if (isOpen(track)) track.outcome = 'INCONCLUSIVE'
  if (canary.outcome !== 'BROKEN') {
    const judgement = judgeFrom(canary)
    canary.outcome = judgement === 'OPEN' ? 'INCONCLUSIVE' : judgement === 'FAIL' ? 'REGRESSION' : judgement
  }
  return { tracks, canary, quiet: canary.outcome === 'PASS', rounds }
}

function newTrack(name: string): Track {
  return { name, base: [], head: [], confirmations: 0, outcome: 'OPEN' }
}

function isOpen({ outcome }: Track): boolean {
  return outcome === 'OPEN'
}

export function p25(samples: readonly Sample[]): number[] {
  return samples.map((sample) => sample.p25)
}
