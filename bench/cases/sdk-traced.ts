import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BatchSpanProcessor, InMemorySpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { traced, withSpan } from '@tapescope/sdk'
import type { BenchCase } from '../case.ts'

const calls = 100_000

const off: BenchCase = {
  name: 'sdk-traced/off',
  unit: 'call',
  about: 'a synchronous function under traced while nobody has registered OpenTelemetry',
  kernel: true,
  budgets: [
    {
      kind: 'extra',
      rival: 'bare',
      maxNs: 10,
      reason: 'Who traces a function pays next to nothing until it is on.',
    },
    {
      kind: 'allocation',
      maxBytes: 0.5,
      reason: 'A call that is not observed leaves nothing behind; what is counted is the measurement.',
    },
  ],
  setup() {
    const fee = (price: number, quantity: number): number => price * quantity * 0.001
    const tracedFee = traced('fee', fee)
    // Two loops, so that each has its own call site: shared, the compiler would know neither function.
    return {
      units: calls,
      run() {
        let sum = 0
        for (let i = 0; i < calls; i++) sum += tracedFee(i, 2)
        return sum
      },
      rivals: [
        {
          name: 'bare',
          units: calls,
          run() {
            let sum = 0
            for (let i = 0; i < calls; i++) sum += fee(i, 2)
            return sum
          },
        },
      ],
      verify() {
        if (tracedFee(10, 2) !== fee(10, 2)) throw new Error('traced changed the result')
      },
    }
  },
}

const spans = 1_000

/** Sync or async, our helper or the API by hand: the same span to the same processor. */
function spanCase(kind: 'sync' | 'async'): BenchCase {
  return {
    name: `sdk-traced/with-span-${kind}`,
    unit: 'span',
    about: `withSpan around ${kind === 'sync' ? 'a synchronous' : 'an asynchronous'} function, recording, batch processor`,
    gate: false,
    budgets: [
      {
        kind: 'ratio',
        rival: 'startActiveSpan',
        max: 1.1,
        reason: 'The helper ends the span and records what is thrown; for that it may take a tenth more.',
      },
    ],
    setup() {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
      const exporter = new InMemorySpanExporter()
      const provider = new TracerProvider({
        spanProcessors: [
          new BatchSpanProcessor({ exporter, maxQueueSize: 100_000, scheduledDelayMillis: 3_600_000 }),
        ],
      })
      trace.setGlobalTracerProvider(provider)
      const tracer = trace.getTracer('bench')
      const prepare = async (): Promise<void> => {
        await provider.forceFlush()
        exporter.reset()
      }
      const later = async (i: number): Promise<number> => i
      const ours =
        kind === 'sync'
          ? () => {
              for (let i = 0; i < spans; i++) withSpan('look', () => i)
            }
          : async () => {
              for (let i = 0; i < spans; i++) await withSpan('look', () => later(i))
            }
      const bare =
        kind === 'sync'
          ? () => {
              for (let i = 0; i < spans; i++)
                tracer.startActiveSpan('look', (span) => {
                  try {
                    return i
                  } finally {
                    span.end()
                  }
                })
            }
          : async () => {
              for (let i = 0; i < spans; i++)
                await tracer.startActiveSpan('look', async (span) => {
                  try {
                    return await later(i)
                  } finally {
                    span.end()
                  }
                })
            }
      return {
        units: spans,
        prepare,
        run: ours,
        rivals: [{ name: 'startActiveSpan', units: spans, prepare, run: bare }],
        async verify() {
          for (const run of [ours, bare]) {
            await prepare()
            await Promise.resolve(run())
            await provider.forceFlush()
            const made = exporter.getFinishedSpans().length
            if (made !== spans) throw new Error(`${spans} spans were ended, ${made} arrived at the exporter`)
          }
        },
        close: () => provider.shutdown(),
      }
    },
  }
}

export default [off, spanCase('sync'), spanCase('async')]
