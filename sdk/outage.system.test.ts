import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { startOtlpSink, type OtlpSink } from './testing/otlp-sink.ts'

it('costs at most 64 MB while a backend is down for 120 s at 5,000 spans a second, and recovers', async () => {
  let sink: OtlpSink = await startOtlpSink()
  const { port } = sink
  const received = new Set<string>()
  const keep = (): void => sink.spans.forEach(({ spanId }) => received.add(spanId))
  let count = 0
  const child = fork('fixtures/outage-program.ts', {
    cwd: import.meta.dirname,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: sink.url },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  child.on('message', (word) => {
    if (word === 'down') {
      keep()
      count += sink.spans.length
      void sink.close()
    } else void startOtlpSink(() => 'ok', port).then((again) => (sink = again))
  })
  let out = ''
  child.stdout!.on('data', (data) => (out += String(data)))
  await once(child, 'close')
  keep()
  count += sink.spans.length
  await sink.close()
  const told = JSON.parse(out) as Record<string, number | boolean>
  console.log(told)
  const { made, flushed, beforeMiB, duringMiB, delivered, dropped } = told
  expect(flushed).toBe(true)
  expect(Number(delivered) + Number(dropped)).toBe(made)
  expect(count).toBe(delivered)
  expect(received.size).toBe(count)
  expect(Number(duringMiB) - Number(beforeMiB)).toBeLessThanOrEqual(64)
}, 240_000)
