import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { carryContext, instrumentBacktestEngine, withSpan } from '@tapescope/sdk'
await withSpan('work', async () => {
  instrumentBacktestEngine({ run: (bars) => bars.length }).run({ symbol: 'ACME', length: 10 })
  const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: carryContext() })
  await once(worker, 'exit')
})
console.log('done')
process.exit(0)
