import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { encode } from './otlp/codec.ts'
import { TracesRequest } from './otlp/schema.ts'
import { scanTraces, SPAN_ID, STRIDE } from './otlp/trace-batch.ts'
import { spawnSidecar } from './spawn-sidecar.ts'

/** Seconds that the backend is gone. CI is content with less; `npm run test:outage` takes the whole minute. */
const OUTAGE = Number(process.env['TAPESCOPE_OUTAGE_SECONDS'] ?? 6)

async function listening(port: number, taken: Map<string, number>): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { body, rows, count } = scanTraces(gunzipSync(Buffer.concat(chunks)))
      for (let span = 0; span < count; span++) {
        const at = rows[span * STRIDE + SPAN_ID]
        const id = body.toString('hex', at, at + 8)
        taken.set(id, (taken.get(id) ?? 0) + 1)
      }
      response.writeHead(200).end()
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function stopped(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

test(
  `a backend that is stopped for ${OUTAGE} s gets every acknowledged span, the other one as ever`,
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'outage-'))
    const [jaeger, tempo] = [new Map<string, number>(), new Map<string, number>()]
    const healthy = await listening(0, jaeger)
    let failing = await listening(0, tempo)
    const portOf = (server: Server) => (server.address() as AddressInfo).port
    const port = portOf(failing)
    const { child, urls, metrics } = await spawnSidecar({
      // The repository's file as it is: whole traces are kept because they carry errors.
      files: [join(import.meta.dirname, '..', 'otel-collector.yaml')],
      args: ['--data-dir', join(dir, 'data')],
      env: {
        TAPESCOPE_JAEGER_ENDPOINT: `http://127.0.0.1:${portOf(healthy)}`,
        TAPESCOPE_TEMPO_ENDPOINT: `http://127.0.0.1:${port}`,
        TAPESCOPE_QUEUE_DIR: join(dir, 'queue'),
      },
    })
    try {
      const acknowledged: string[] = []
      const ended = new AbortController()
      const load = (async () => {
        for (let serial = 1; !ended.signal.aborted;) {
          const ids = Array.from({ length: 20 }, () => (serial++).toString(16).padStart(16, '0'))
          const spans = ids.map((spanId) => ({
            traceId: spanId.padStart(32, 'b'),
            spanId,
            name: 'work',
            startTimeUnixNano: '1769851800000000000',
            endTimeUnixNano: '1769851800001000000',
            status: { code: 2 },
          }))
          const body = encode(TracesRequest, { resourceSpans: [{ scopeSpans: [{ spans }] }] })
          const response = await fetch(`${urls['OTLP/HTTP']}/v1/traces`, {
            method: 'POST',
            headers: { 'content-type': 'application/x-protobuf' },
            body: new Uint8Array(body),
          })
          if (response.status === 200) acknowledged.push(...ids)
          await pause(20)
        }
      })()
      await pause(1000)
      await stopped(failing)
      await pause(OUTAGE * 1000)
      const before = jaeger.size
      failing = await listening(port, tempo)
      await pause(1000)
      ended.abort()
      await load
      expect(before, 'spans that the healthy backend took during the outage').toBeGreaterThan(0)
      for (const taken of [jaeger, tempo])
        await expect
          .poll(() => acknowledged.filter((id) => !taken.has(id)).length, { timeout: 60_000, interval: 200 })
          .toBe(0)
      const now = await metrics()
      for (const exporter of ['otlp_http/jaeger', 'otlp_http/tempo'])
        expect(now.get(`otelcol_exporter_sent_spans_total{exporter="${exporter}"}`)).toBe(acknowledged.length)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await stopped(healthy)
      if (failing.listening) await stopped(failing)
      rmSync(dir, { recursive: true, force: true })
    }
  },
  (OUTAGE + 120) * 1000,
)
