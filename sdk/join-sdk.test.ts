import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, it } from 'vitest'
import { instrumentBacktestEngine } from './instrument-backtest-engine.ts'
import { startTelemetry } from './start-telemetry.ts'
import { withSpan } from './with-span.ts'

it('joins an SDK that is registered, replaces nothing of it, and leaves it running', async () => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const fields = propagation.fields()
  const listeners = ['SIGTERM', 'SIGINT', 'exit', 'beforeExit'].map((name) => process.listenerCount(name))
  const telemetry = await startTelemetry({ serviceName: 'joining' })
  expect(telemetry.mode).toBe('joined')
  // A second call answers with what runs.
  expect(await startTelemetry()).toBe(telemetry)
  withSpan('of the host', () =>
    instrumentBacktestEngine({ run: (bars: { symbol: string; length: number }) => bars.length }).run({
      symbol: 'JOINED',
      length: 3,
    }),
  )
  const page = await telemetry.metricsHandler(new Request('http://localhost/'))
  expect(await page.text()).toContain('backtest_executions_total{symbol="JOINED",status="completed"} 1\n')
  expect(await telemetry.flush()).toBe(true)
  expect(await telemetry.shutdown()).toBe(true)
  withSpan('after', () => {})
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual([
    'backtest.run',
    'of the host',
    'after',
  ])
  expect(propagation.fields()).toEqual(fields)
  expect(['SIGTERM', 'SIGINT', 'exit', 'beforeExit'].map((name) => process.listenerCount(name))).toEqual(
    listeners,
  )
})
