import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
const exporter = new InMemorySpanExporter()
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const { instrumentBacktestEngine, startTelemetry } = await import('@tapescope/sdk')
const telemetry = await startTelemetry({ serviceName: 'ignored' })
const engine = instrumentBacktestEngine({ run: (bars) => bars.length })
trace.getTracer('host').startActiveSpan('of the host', (span) => {
  engine.run({ symbol: 'ACME', length: 10 })
  span.end()
})
const text = await (await telemetry.metricsHandler(new Request('http://localhost/'))).text()
await telemetry.shutdown()
trace.getTracer('host').startSpan('after shutdown').end()
console.log(
  JSON.stringify({
    mode: telemetry.mode,
    spansOfTheHost: exporter.getFinishedSpans().map(({ name }) => name),
    metric: text.includes('backtest_executions_total{symbol="ACME",status="completed"} 1\n'),
  }),
)
