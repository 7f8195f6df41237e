import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runningPostgres } from './embedded-postgres.ts'
import { StartError } from './start-error.ts'
import { portOf } from './start-options.ts'

interface WorkerOptions {
  databaseUrl: string
  concurrency: number
  host: string
  port: number
  help: boolean
}

export const workerUsage = `npm run worker -- [options]

Takes backtests from the queue of DATABASE_URL and runs them until it is stopped. Without
DATABASE_URL it joins the \`npm start\` that runs in this folder.

  --concurrency N   runs at once, each in a thread; default the number of cores
  --data FOLDER     where that keeps its data (TAPESCOPE_DATA), default .tapescope
  --host HOST       where metrics and health listen (TAPESCOPE_HOST), default 127.0.0.1
  --port N          their port (TAPESCOPE_PORT), default 0: a free one
  --help
`

/** @throws StartError for an unknown flag or a value that makes no sense */
export function readWorkerOptions(args: string[], env: NodeJS.ProcessEnv): WorkerOptions {
  const values = parse(args)
  const data = values.data ?? env['TAPESCOPE_DATA'] ?? '.tapescope'
  const databaseUrl = env['DATABASE_URL'] || runningPostgres(join(data, 'postgres')) || ''
  if (databaseUrl === '' && !values.help) {
    throw new StartError(
      `No database: DATABASE_URL is not set, and no \`npm start\` runs with its data in ${data}.`,
    )
  }
  const concurrency = Number(values.concurrency ?? availableParallelism())
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 256) {
    throw new StartError(`--concurrency must be a whole number from 1 to 256, not "${values.concurrency}".`)
  }
  return {
    databaseUrl,
    concurrency,
    host: values.host ?? env['TAPESCOPE_HOST'] ?? '127.0.0.1',
    port: portOf('--port', values.port ?? env['TAPESCOPE_PORT'] ?? '0'),
    help: values.help,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        concurrency: { type: 'string' },
        data: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new StartError(`${(error as Error).message.split('\n')[0]} All options: npm run worker -- --help`, {
      cause: error,
    })
  }
}
