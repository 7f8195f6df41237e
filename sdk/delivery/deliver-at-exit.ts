import { Worker } from 'node:worker_threads'
import { gunzipSync } from 'node:zlib'
import type { Batch } from './delivery-queue.ts'
import type { OtlpTarget } from './otlp-sender.ts'

export interface LastDelivery {
  readonly target: OtlpTarget
  readonly batches: readonly Batch[]
  /** Told of each batch what became of it. */
  readonly settle: (batch: Batch, delivered: boolean) => void
}

/**
 * Sends what is left when the process is about to be gone (`process.exit`, an uncaught error): the event loop has
 * ended, so a thread of its own posts the batches while this one waits, for `deadlineMs` at most. One try each.
 */
export function deliverAtExit(deliveries: readonly LastDelivery[], deadlineMs: number): void {
  const jobs = deliveries.flatMap(({ target, batches, settle }) =>
    batches.map((batch) => ({ target, batch, settle })),
  )
  if (jobs.length === 0) return
  // The number of answers, then for each batch whether it was taken.
  const flags = new Int32Array(new SharedArrayBuffer(4 * (1 + jobs.length)))
  const requests = jobs.map(({ target: { url, headers, encoding, ca, key, cert }, batch }) => ({
    url,
    headers: {
      'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      ...headers,
    },
    tls: { ca, key, cert },
    body: batch.gzip ? gunzipSync(batch.body) : batch.body,
  }))
  try {
    const worker = new Worker(program, { eval: true, workerData: { flags, requests }, env: {}, execArgv: [] })
    worker.unref()
    const end = performance.now() + deadlineMs
    for (let answers = 0; answers < jobs.length; answers = Atomics.load(flags, 0)) {
      const left = end - performance.now()
      if (left <= 0 || Atomics.wait(flags, 0, answers, left) === 'timed-out') break
    }
  } catch {
    // Telemetry does not change how a process ends.
  }
  for (const [i, { batch, settle }] of jobs.entries()) settle(batch, Atomics.load(flags, i + 1) === 1)
}

const program = `
const { workerData: { flags, requests } } = require('node:worker_threads')
for (const [i, { url, headers, tls, body }] of requests.entries()) {
  const answered = (taken) => {
    Atomics.store(flags, i + 1, taken ? 1 : 0)
    Atomics.add(flags, 0, 1)
    Atomics.notify(flags, 0)
  }
  const { request } = require(url.startsWith('https:') ? 'node:https' : 'node:http')
  const options = { method: 'POST', ...tls, headers: { ...headers, 'content-length': body.byteLength } }
  request(url, options, (response) => {
    response.resume()
    answered(response.statusCode >= 200 && response.statusCode < 300)
  })
    .on('error', () => answered(false))
    .end(body)
}
`
