import { parseArgs } from 'node:util'
import { type Scenario, type ScenarioName, scenarios } from './scenarios.ts'

export interface LoadOptions {
  readonly scenario: ScenarioName
  /** The scenario's, or what was asked of `custom`; its time already scaled. */
  readonly shape: Scenario
  readonly scale: number
  /** Calls per second of an open load; null for users who wait for their answers. */
  readonly arrivals: number | null
  /** The service to load; null starts one. */
  readonly target: {
    readonly url: string
    readonly key: string | null
    readonly viewer: string | null
  } | null
  /** Store the bars at a service of somebody else's. */
  readonly seedTarget: boolean
  readonly seed: number
  readonly out: string | null
  readonly data: string | null
  readonly keep: boolean
  readonly burst: boolean
}

export const loadUsage = `npm run load -- light|medium|heavy|stress|custom [options]

Starts the service with its database and sidecar, stores bars, and loads it.

  light   10 users, 2 begin per second, 2 min     TradingUser
  medium  50 users, 5 per second, 5 min           TradingUser
  heavy   100 users, 10 per second, 5 min         TradingUser
  stress  200 users, 20 per second, 10 min        HeavyUser
  custom  --users N --spawn PER_SECOND --seconds S

  --scale F         makes the time F times as long, 0.01 to 10
  --arrivals RATE   calls per second as a Poisson process, whether or not others
                    are answered, instead of users who wait for their answers
  --url URL         loads this service instead, with --key KEY if it has keys;
                    --viewer URL of its sidecar links the slowest traces
  --seed            stores the bars of the ten symbols there first
  --random N        seed of bars and calls (20260101)
  --no-burst        leaves out the check of 100 generate calls at once
  --out FOLDER      of the report, default out/load/SCENARIO-TIME
  --data FOLDER     of what it starts, default .tapescope/load, removed after
  --keep            leaves it running at the end, until Ctrl-C: links stay alive
  --help

Exit code: 0 all criteria met (stress on fewer than 4 cores: reported), 1 one
is not, 2 wrong usage or a broken tool, 3 invalid: the generator was late, so
the times cannot be believed. Ctrl-C: 130, the report says that it is partial.
`

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Null asks for help. @throws UsageError with a sentence that names the option */
export function readLoadOptions(args: readonly string[]): LoadOptions | null {
  const { values, positionals } = parse(args)
  if (values.help) return null
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0 || !Object.hasOwn(scenarios, name))
    throw new UsageError(
      `name one of ${Object.keys(scenarios).join(', ')}${name === undefined ? '' : `, not "${positionals.join(' ')}"`}`,
    )
  const scenario = name as ScenarioName
  const shapeOptions = (['users', 'spawn', 'seconds'] as const).filter(
    (option) => values[option] !== undefined,
  )
  if (scenario !== 'custom' && shapeOptions.length > 0)
    throw new UsageError(
      `--${shapeOptions[0]} goes with custom; ${scenario} is fixed, --scale makes it shorter`,
    )
  const scale = numberOf('--scale', values.scale, 1, 0.01, 10)
  const fixed: Scenario = scenarios[scenario]
  const shape: Scenario = {
    userClass: fixed.userClass,
    users: numberOf('--users', values.users, fixed.users, 1, 10_000, true),
    spawnPerSecond: numberOf('--spawn', values.spawn, fixed.spawnPerSecond, 0.01, 10_000),
    seconds: numberOf('--seconds', values.seconds, fixed.seconds, 1, 86_400) * scale,
  }
  const arrivals =
    values.arrivals === undefined ? null : numberOf('--arrivals', values.arrivals, 0, 0.01, 100_000)
  if (values.url === undefined)
    for (const option of ['key', 'viewer', 'seed'] as const)
      if (values[option] !== undefined && values[option] !== false)
        throw new UsageError(`--${option} goes with --url; without it a service of our own is started`)
  return {
    scenario,
    shape,
    scale,
    arrivals,
    target:
      values.url === undefined
        ? null
        : {
            url: urlOf('--url', values.url),
            key: values.key ?? null,
            viewer: values.viewer === undefined ? null : urlOf('--viewer', values.viewer),
          },
    seedTarget: values.seed,
    seed: numberOf('--random', values.random, 20_260_101, 0, 2 ** 31, true),
    out: values.out ?? null,
    data: values.data ?? null,
    keep: values.keep,
    burst: !values['no-burst'],
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        scale: { type: 'string' },
        arrivals: { type: 'string' },
        users: { type: 'string' },
        spawn: { type: 'string' },
        seconds: { type: 'string' },
        url: { type: 'string' },
        key: { type: 'string' },
        viewer: { type: 'string' },
        seed: { type: 'boolean', default: false },
        random: { type: 'string' },
        'no-burst': { type: 'boolean', default: false },
        out: { type: 'string' },
        data: { type: 'string' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0], { cause: error })
  }
}

function numberOf(
  option: string,
  text: string | undefined,
  fallback: number,
  least: number,
  most: number,
  whole = false,
): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (text.trim() === '' || !(value >= least && value <= most) || (whole && !Number.isInteger(value)))
    throw new UsageError(
      `${option} must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not "${text}"`,
    )
  return value
}

function urlOf(option: string, text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${option} must be an http or https URL, not "${text}"`)
  return url.href.replace(/\/$/, '')
}
