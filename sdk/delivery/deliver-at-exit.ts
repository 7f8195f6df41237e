import { Worker } from 'node:worker_threads'
import { gunzipSync } from 'node:zlib'
import type { Batch } from './delivery-queue.ts'
import type { OtlpTarget } from './otlp-sender.ts'

export interface LastDelivery {
  readonly target: OtlpTarget
  readonly batches: readonly Batch[]
}

/**
 * Sends what is left when the process is about to be gone (`process.exit`, an uncaught error): the event loop has
 * ended, so a thread of its own posts the batches while this one waits, for `deadlineMs` at most. One try each.
 */
export function deliverAtExit(deliveries: readonly LastDelivery[], deadlineMs: number): void {
  if (deliveries.every(({ batches }) => batches.length === 0)) return
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const requests = deliveries.flatMap(({ target, batches }) =>
    batches.map(({ body, gzip }) => ({
      url: target.url,
      headers: {
        'content-type': target.encoding === 'json' ? 'application/json' : 'application/x-protobuf',
        ...target.headers,
      },
      tls: { ca: target.ca, key: target.key, cert: target.cert },
      body: gzip ? gunzipSync(body) : body,
    })),
  )
  try {
    const worker = new Worker(program, {
      eval: true,
      workerData: { flag, requests },
      env: {},
      execArgv: [],
      stderr: true,
    })
    worker.unref()
    Atomics.wait(flag, 0, 0, deadlineMs)
  } catch {
    // Telemetry does not change how a process ends.
  }
}

const program = `
const { workerData: { flag, requests } } = require('node:worker_threads')
const post = ({ url, headers, tls, body }) =>
  new Promise((resolve) => {
    const { request } = require(url.startsWith('https:') ? 'node:https' : 'node:http')
    const outgoing = request(url, { method: 'POST', ...tls, headers: { ...headers, 'content-length': body.byteLength } })
    outgoing.on('response', (response) => response.resume().on('end', resolve).on('error', resolve))
    outgoing.on('error', resolve)
    outgoing.end(body)
  })
Promise.all(requests.map(post)).then(() => {
  Atomics.store(flag, 0, 1)
  Atomics.notify(flag, 0)
})
`
