import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { carryContext, startTelemetry, withSpan } from '@tapescope/sdk'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'

const telemetry = await startTelemetry({ serviceName: 'desk' })
const { PgBoss } = await import('pg-boss')
const database = await startTemporaryPostgres()
// The queue carries the sender's trace along with each job; by default it does not.
const boss = new PgBoss({ connectionString: database.url, openTelemetry: { propagateContext: true } })
await boss.start()
await boss.createQueue('backtests')
const thread = new Worker(new URL('run-thread.ts', import.meta.url))
const threadEnded = once(thread, 'exit')

// The worker of the queue, which would be another process: it has the job run in a thread.
const { promise: done, resolve } = Promise.withResolvers<void>()
await boss.work<{ symbol: string }>('backtests', { pollingIntervalSeconds: 0.5 }, async ([job]) => {
  // A message to a thread carries what you put into it: the context, too.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
  thread.postMessage({ symbol: job.data.symbol, context: carryContext() })
  const [trades] = (await once(thread, 'message')) as [number]
  console.log(`${trades} trades`)
  resolve()
})

// The request that orders a backtest.
await withSpan('order a backtest', async (span) => {
  await boss.send('backtests', { symbol: 'ACME' })
  console.log(`trace ${span.spanContext().traceId}`)
})

await done
await boss.stop()
await threadEnded
await database.stop()
await telemetry.shutdown()
