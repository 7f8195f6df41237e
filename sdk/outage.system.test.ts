import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { startOtlpSink } from './testing/otlp-sink.ts'

interface Told {
  readonly made: number
  readonly flushed: boolean
  /** Held at the end of the outage more than before it, in MB, garbage aside. */
  readonly heldMB: number
  /** Highest resident memory, which also tells how V8 let its heap grow. */
  readonly peakMiB: number
  readonly delivered: number
  readonly dropped: number
}

/** Runs the program at 5,000 spans a second for 130 s; `down` takes its backend away for 120 s of them. */
async function run(down: boolean): Promise<{ told: Told; received: number; unique: number }> {
  let sink = await startOtlpSink()
  const { port } = sink
  const seen = new Set<string>()
  let received = 0
  const child = fork('fixtures/outage-program.ts', {
    cwd: import.meta.dirname,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: sink.url },
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const count = (): void => {
    received += sink.spans.length
    for (const { spanId } of sink.spans) seen.add(spanId)
  }
  child.on('message', (word) => {
    if (!down) return
    if (word === 'down') {
      count()
      void sink.close()
    } else void startOtlpSink(() => 'ok', port).then((again) => (sink = again))
  })
  let out = ''
  child.stdout!.on('data', (data) => (out += String(data)))
  await once(child, 'close')
  count()
  await sink.close()
  return { told: JSON.parse(out) as Told, received, unique: seen.size }
}

it('costs at most 64 MB while a backend is down for 120 s at 5,000 spans a second, and recovers', async () => {
  // The same program beside it, whose backend stays, shows what the spans themselves cost.
  const [outage, control] = await Promise.all([run(true), run(false)])
  console.log(outage, control)
  for (const { told, received, unique } of [outage, control]) {
    expect(told.made).toBe(130 * 5000)
    expect(told.flushed).toBe(true)
    expect(told.delivered + told.dropped).toBe(told.made)
    expect(received).toBe(told.delivered)
    expect(unique).toBe(received)
  }
  expect(outage.told.heldMB).toBeLessThanOrEqual(64)
  expect(control.told.heldMB).toBeLessThanOrEqual(16)
}, 240_000)
