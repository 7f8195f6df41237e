import type { BurstResult } from './burst-check.ts'
import { onTimeMs, type RunFigures } from './call-record.ts'
import type { FollowedJobs } from './follow-jobs.ts'
import type { GeneratorHealth } from './generator-messages.ts'
import { type Criteria, stressCores } from './scenarios.ts'

export interface Criterion {
  readonly name: string
  readonly limit: string
  readonly found: string
  /** Null: could not be looked at. */
  readonly met: boolean | null
  /** Holds even when the generator was late: a wrong answer is wrong whenever it was asked for. */
  readonly holdsAlways: boolean
}

export interface Verdict {
  readonly kind: 'PASS' | 'FAIL' | 'REPORTED' | 'INVALID' | 'INTERRUPTED' | 'BROKEN'
  readonly sentence: string
  readonly criteria: readonly Criterion[]
  /** Why the times cannot be believed. */
  readonly invalid: readonly string[]
}

export const exitCodes: Readonly<Record<Verdict['kind'], number>> = {
  PASS: 0,
  REPORTED: 0,
  FAIL: 1,
  BROKEN: 2,
  INVALID: 3,
  INTERRUPTED: 130,
}

/** Bounds of a generator that can be believed. */
const validity = { onTime: 0.98, loopP99Ms: 50, cpuShare: 0.8, refused: 0.01 } as const

/** Errors of sockets that this side has run out of. */
const ownErrors = /^(EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS|ENOMEM)$/

export interface Observed {
  readonly criteria: Criteria
  /** Whether missing a criterion fails the run: not so for stress on a small machine. */
  readonly judged: boolean
  readonly figures: RunFigures
  readonly generator: GeneratorHealth
  readonly perSecond: number
  readonly jobs: FollowedJobs | null
  readonly burst: BurstResult | null
  /** Why it ended before its time; null when it did not. */
  readonly cut: { readonly by: 'person' | 'service' | 'generator'; readonly sentence: string } | null
}

export function judge(observed: Observed): Verdict {
  const { figures, cut } = observed
  const criteria = criteriaOfRun(observed)
  const invalid = invalidReasons(observed)
  const verdict = (kind: Verdict['kind'], sentence: string): Verdict => ({
    kind,
    sentence,
    criteria,
    invalid,
  })

  if (cut?.by === 'generator') return verdict('BROKEN', `${cut.sentence}; the report holds what it had told.`)
  if (cut?.by === 'service') return verdict('FAIL', `${cut.sentence}.`)
  if (cut?.by === 'person') return verdict('INTERRUPTED', `${cut.sentence}: a part of a run, not judged.`)
  if (figures.answered === 0) return verdict('INVALID', 'not one call was answered.')
  const missed = criteria.filter(({ met }) => met === false)
  const always = missed.filter(({ holdsAlways }) => holdsAlways)
  const named = (list: readonly Criterion[]) =>
    list.map(({ name, found, limit }) => `${name} ${found} (${limit})`).join('; ')
  if (invalid.length > 0) {
    const why = `the times cannot be believed: ${invalid.join('; ')}.`
    if (always.length > 0 && observed.judged) return verdict('FAIL', `${named(always)}. Besides, ${why}`)
    return verdict('INVALID', why)
  }
  if (!observed.judged) {
    const small = `stress on fewer than ${stressCores} cores is reported, not judged`
    return verdict(
      'REPORTED',
      `${small}${missed.length === 0 ? '; all criteria are met' : `: ${named(missed)}`}.`,
    )
  }
  if (missed.length > 0) return verdict('FAIL', `${named(missed)}.`)
  return verdict('PASS', 'all criteria are met.')
}

function criteriaOfRun({ criteria, figures, perSecond, jobs, burst }: Observed): Criterion[] {
  const { answered } = figures
  const failed = answered === 0 ? 0 : failuresOf(figures) / answered
  const list: Criterion[] = [
    {
      name: 'p95',
      limit: `below ${criteria.p95Ms} ms`,
      found: Number.isNaN(figures.p95) ? 'nothing' : `${figures.p95.toFixed(1)} ms`,
      met: answered === 0 ? null : figures.p95 < criteria.p95Ms,
      holdsAlways: false,
    },
    {
      name: 'failures',
      limit: `below ${criteria.failures * 100} %`,
      found: `${(failed * 100).toFixed(2)} %`,
      met: answered === 0 ? null : failed < criteria.failures,
      holdsAlways: true,
    },
  ]
  if (criteria.perSecond !== null)
    list.push({
      name: 'throughput',
      limit: `at least ${criteria.perSecond}/s`,
      found: `${perSecond.toFixed(1)}/s`,
      met: perSecond >= criteria.perSecond,
      holdsAlways: false,
    })
  if (jobs !== null && jobs.followed > 0)
    list.push({
      name: 'accepted backtests',
      limit: 'all followed ones completed',
      found: jobsFound(jobs),
      met: jobs.completed === jobs.followed,
      holdsAlways: true,
    })
  if (burst !== null)
    list.push({
      name: `${burst.calls} at once`,
      limit: `all generated below ${criteria.burstMs} ms`,
      found: `${burst.slowestMs} ms${burst.failed === 0 ? '' : `, ${burst.failed} failed (${burst.reasons.join(', ')})`}`,
      met: burst.failed === 0 && burst.slowestMs < criteria.burstMs,
      holdsAlways: false,
    })
  return list
}

function jobsFound({ followed, completed, failed, unfinished }: FollowedJobs): string {
  const rest = [
    ...(failed.length === 0 ? [] : [`${failed.length} ended ${failed[0].status}`]),
    ...(unfinished === 0 ? [] : [`${unfinished} not over`]),
  ]
  return `${completed} of ${followed}${rest.length === 0 ? '' : `, ${rest.join(', ')}`}`
}

/** What the service did wrong: calls that never reached it are no answer of its. */
function failuresOf({ failures }: RunFigures): number {
  return failures.reduce((sum, { reason, count }) => sum + (isOurs(reason) ? 0 : count), 0)
}

function isOurs(reason: string): boolean {
  return reason === 'ECONNREFUSED' || ownErrors.test(reason)
}

function invalidReasons({ figures, generator }: Observed): string[] {
  const { sent, onTime, failures } = figures
  const reasons: string[] = []
  const count = (matches: (reason: string) => boolean) =>
    failures.reduce((sum, { reason, count }) => sum + (matches(reason) ? count : 0), 0)
  if (sent > 0 && onTime / sent < validity.onTime)
    reasons.push(
      `only ${((onTime / sent) * 100).toFixed(1)} % of the calls were sent within ${onTimeMs} ms of their time`,
    )
  if (generator.loopP99 > validity.loopP99Ms)
    reasons.push(`the generator's event loop came ${generator.loopP99.toFixed(0)} ms late (p99)`)
  if (generator.cpuShare > validity.cpuShare)
    reasons.push(`the generator used ${(generator.cpuShare * 100).toFixed(0)} % of a core`)
  const own = count((reason) => ownErrors.test(reason))
  if (own > 0) reasons.push(`this side had no socket left for ${own} calls`)
  const refused = count((reason) => reason === 'ECONNREFUSED')
  if (sent > 0 && refused / sent > validity.refused)
    reasons.push(`${refused} of ${sent} connections were refused: the load did not arrive`)
  return reasons
}
