import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Timeframe, timeframes } from '@tapescope/engine'
import { StartError } from './start-error.ts'

export interface StartOptions {
  /** Do the job, print, end. */
  once: boolean
  /** One JSON object on stdout instead of the summary. */
  json: boolean
  csv: string | undefined
  symbol: string
  timeframe: Timeframe
  skipBad: boolean
  host: string
  port: number
  databaseUrl: string | undefined
  /** Folder for the database, the sidecar's queue and the logs. */
  data: string
  /** Ports of the sidecar, as its own flags. */
  sidecarFlags: string[]
  help: boolean
}

export const startUsage = `npm start -- [options]

Loads real bars, finds patterns and signals, runs a backtest, and stays up.

  --once               do the job, print the summary, end
  --json               print one JSON object instead (npm's own banner: npm start --silent -- --json)
  --csv FILE           take these bars instead of the S&P 500's; needs --symbol
  --symbol S           symbol of the bars in FILE
  --timeframe T        ${timeframes.join(' ')} (default 1d)
  --skip-bad           leave bad rows out instead of refusing the file
  --data FOLDER        database, queue and logs (TAPESCOPE_DATA), default .tapescope
  --host HOST          where to listen (TAPESCOPE_HOST), default 127.0.0.1
  --port N             service (TAPESCOPE_PORT), default 8080
  --otlp-port N        OTLP/HTTP (TAPESCOPE_OTLP_PORT), default 4318
  --viewer-port N      viewer (TAPESCOPE_VIEWER_PORT), default 4319
  --prometheus-port N  scrape endpoint of the sidecar (TAPESCOPE_PROMETHEUS_PORT), default 8889
  --health-port N      health of the sidecar (TAPESCOPE_HEALTH_PORT), default 13133
  --metrics-port N     metrics of the sidecar itself (TAPESCOPE_SIDECAR_METRICS_PORT), default 8888
  --help

A port of 0 takes a free one. DATABASE_URL names a PostgreSQL 15 or later; without it an embedded one is started.
`

const sidecarPorts = {
  'otlp-port': ['TAPESCOPE_OTLP_PORT', '4318'],
  'viewer-port': ['TAPESCOPE_VIEWER_PORT', '4319'],
  'prometheus-port': ['TAPESCOPE_PROMETHEUS_PORT', '8889'],
  'health-port': ['TAPESCOPE_HEALTH_PORT', '13133'],
  'metrics-port': ['TAPESCOPE_SIDECAR_METRICS_PORT', '8888'],
} as const

/** @throws StartError for an unknown flag or a value that makes no sense */
export function readStartOptions(args: string[], env: NodeJS.ProcessEnv, root: string): StartOptions {
  const { values, flags } = parse(args)
  if (values.csv !== undefined && values.symbol === undefined) {
    throw new StartError('--csv needs --symbol: the name under which the bars of the file are stored.')
  }
  if (values.csv === undefined && (values.symbol !== undefined || values['skip-bad'])) {
    throw new StartError('--symbol and --skip-bad go with --csv FILE; without it the S&P 500 is taken.')
  }
  const symbol = values.symbol ?? 'SPX'
  if (!/^[\x21-\x7e]{1,20}$/.test(symbol)) {
    throw new StartError('--symbol must be 1 to 20 printable characters without spaces.')
  }
  const timeframe = timeframes.find((known) => known === values.timeframe)
  if (timeframe === undefined) {
    throw new StartError(`--timeframe must be one of ${timeframes.join(' ')}, not "${values.timeframe}".`)
  }
  return {
    once: values.once,
    json: values.json,
    csv: values.csv === undefined ? undefined : resolve(env['INIT_CWD'] ?? '.', values.csv),
    symbol,
    timeframe,
    skipBad: values['skip-bad'],
    host: values.host ?? env['TAPESCOPE_HOST'] ?? '127.0.0.1',
    port: portOf('--port', values.port ?? env['TAPESCOPE_PORT'] ?? '8080'),
    databaseUrl: env['DATABASE_URL'] || undefined,
    data: resolve(root, values.data ?? env['TAPESCOPE_DATA'] ?? '.tapescope'),
    sidecarFlags: Object.entries(sidecarPorts).flatMap(([name, [variable, fallback]]) => {
      const port = portOf(`--${name}`, String(flags[name] ?? env[variable] ?? fallback))
      return [`--${name}`, String(port)]
    }),
    help: values.help,
  }
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        csv: { type: 'string' },
        symbol: { type: 'string' },
        timeframe: { type: 'string', default: '1d' },
        'skip-bad': { type: 'boolean', default: false },
        data: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        'otlp-port': { type: 'string' },
        'viewer-port': { type: 'string' },
        'prometheus-port': { type: 'string' },
        'health-port': { type: 'string' },
        'metrics-port': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    return { values, flags: values as Record<string, string | boolean | undefined> }
  } catch (error) {
    throw new StartError(`${(error as Error).message.split('\n')[0]} All options: npm start -- --help`, {
      cause: error,
    })
  }
}

/** A port from text. @throws StartError naming where the text came from */
export function portOf(name: string, text: string): number {
  const port = Number(text)
  if (text === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new StartError(`${name} must be a port from 0 to 65535, not "${text}".`)
  }
  return port
}
