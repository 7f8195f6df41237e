import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { trace } from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, expect, test } from 'vitest'
import type { ProfileDocument } from './profile-document.ts'
import { startThreadProfiler } from './profile-thread.ts'

afterEach(() => trace.disable())

function spin(ms: number): number {
  const until = performance.now() + ms
  let sum = 0
  while (performance.now() < until) sum += Math.sqrt(sum + 1)
  return sum
}

/** A sidecar that keeps the profiles it is sent. */
async function sidecarInto(received: ProfileDocument[]): Promise<{ url: string; close: () => void }> {
  const sidecar = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push(JSON.parse(body) as ProfileDocument)
      response.writeHead(204).end()
    })
  }).listen(0, '127.0.0.1')
  await once(sidecar, 'listening')
  const url = `http://127.0.0.1:${(sidecar.address() as AddressInfo).port}`
  return {
    url,
    close() {
      sidecar.closeAllConnections()
      sidecar.close()
    },
  }
}

test('the samples of a synchronous stretch of this thread are on the spans it made', async () => {
  const received: ProfileDocument[] = []
  const { url, close } = await sidecarInto(received)
  trace.setGlobalTracerProvider(new TracerProvider())
  const tracer = trace.getTracer('test')
  const profiler = startThreadProfiler({ service: 'thread', sidecar: url, intervalUs: 500 })
  const sum = profiler.during(() =>
    tracer.startActiveSpan('run', (span) => {
      const found = spin(300)
      span.end()
      return found
    }),
  )
  expect(sum).toBeGreaterThan(0)
  expect(() =>
    profiler.during(() => {
      throw new Error('as it was')
    }),
  ).toThrow('as it was')
  expect(await profiler.send()).toBeUndefined()
  close()

  const [{ samples, spans, stacks, frames }] = received
  const run = spans.findIndex(({ name }) => name === 'run')
  const within = samples.stack.filter((_, i) => samples.span[i] === run)
  expect(within.length).toBeGreaterThan(50)
  const names = (stack: number): string[] => {
    const found: string[] = []
    for (let at = stack; at >= 0; at = stacks.parent[at]) found.push(frames[stacks.frame[at]].name)
    return found
  }
  const spinning = samples.stack.filter((stack) => stack >= 0 && names(stack).includes('spin'))
  const onTheSpan = within.filter((stack) => stack >= 0 && names(stack).includes('spin'))
  expect(onTheSpan.length / spinning.length).toBeGreaterThan(0.98)
})

test('more unsampled spans than the log holds take nothing from the stretch that is sampled later', async () => {
  const received: ProfileDocument[] = []
  const { url, close } = await sidecarInto(received)
  trace.setGlobalTracerProvider(new TracerProvider())
  const tracer = trace.getTracer('test')
  const profiler = startThreadProfiler({ service: 'thread', sidecar: url, intervalUs: 500 })
  const run = (): number =>
    profiler.during(() => tracer.startActiveSpan('run', (span) => (span.end(), spin(1))))
  run()
  await profiler.send()
  for (let i = 0; i < 60_000; i += 1) tracer.startSpan('unsampled').end()
  profiler.during(() => tracer.startActiveSpan('later', (span) => (spin(200), span.end())))
  expect(await profiler.send()).toBeUndefined()
  close()
  const { samples, spans } = received.at(-1)!
  expect(samples.span.filter((span) => spans[span]?.name === 'later').length).toBeGreaterThan(30)
})

test('a sidecar that is not there is a sentence, not an error', async () => {
  trace.setGlobalTracerProvider(new TracerProvider())
  const profiler = startThreadProfiler({ service: 'thread', sidecar: 'http://127.0.0.1:1', intervalUs: 500 })
  profiler.during(() => trace.getTracer('test').startActiveSpan('run', (span) => (spin(50), span.end())))
  expect(await profiler.send()).toMatch(/the sidecar did not take the profile/)
})
