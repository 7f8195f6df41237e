import { once } from 'node:events'
import { parentPort } from 'node:worker_threads'
import { createBacktestEngine, generateBars } from '@tapescope/engine'
import {
  instrumentBacktestEngine,
  startTelemetry,
  withCarriedContext,
  type ContextCarrier,
} from '@tapescope/sdk'

// A thread has telemetry of its own; its metrics are added to those of the process by themselves.
const telemetry = await startTelemetry({ serviceName: 'desk' })
const engine = instrumentBacktestEngine(createBacktestEngine(), { worst: 2 })

const [task] = (await once(parentPort!, 'message')) as [{ symbol: string; context: ContextCarrier }]
const { bars } = generateBars({ seed: 3, length: 20_000, symbol: task.symbol })
const result = withCarriedContext(task.context, () => engine.run(bars, { strategy: 'sma_cross' }))
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
parentPort!.postMessage(result.metrics.totalTrades)
await telemetry.shutdown()
