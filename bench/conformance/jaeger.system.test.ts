import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { text } from '../../collector/otlp/plain.ts'
import { builtCollector } from './collector-binary.ts'
import { builtJaeger } from './jaeger-binary.ts'
import { collectorEngine, freePorts, root, sidecarEngine, startPipeline, until } from './pipeline-process.ts'
import { tracesRequest, tradingTraces } from './trading-traces.ts'

const [collector, jaeger] = [await builtCollector(), builtJaeger()]
const missing = [collector, jaeger].flatMap((built) => ('unavailable' in built ? [built.unavailable] : []))
const why = missing.length === 0 ? '' : ` (not shown: ${missing.join('; ')})`

describe.skipIf(missing.length > 0)(`kept traces in a real Jaeger${why}`, () => {
  let folder: string
  let process_: ChildProcess
  let otlp: string
  let ui: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-jaeger-'))
    const [http, query, queryGrpc, metrics] = await freePorts(4)
    ;[otlp, ui] = [`http://127.0.0.1:${http}`, `http://127.0.0.1:${query}`]
    const config = path.join(folder, 'jaeger.yaml')
    await writeFile(
      config,
      `service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines: { traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] } }
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${metrics} } } } }] } }
extensions:
  jaeger_query: { storage: { traces: mem }, http: { endpoint: "127.0.0.1:${query}" }, grpc: { endpoint: "127.0.0.1:${queryGrpc}" } }
  jaeger_storage: { backends: { mem: { memory: { max_traces: 100000 } } } }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${http}" } } } }
exporters: { jaeger_storage_exporter: { trace_storage: mem } }
`,
    )
    const command = 'path' in jaeger ? jaeger.path : ''
    process_ = spawn(command, ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    process_.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()))
    await until('Jaeger answers', async () => {
      if (process_.exitCode !== null) throw new Error(log.slice(-4_000))
      return (await fetch(`${ui}/api/services`).catch(() => undefined))?.ok === true ? true : undefined
    })
  })
  afterAll(async () => {
    if (process_.exitCode === null) {
      process_.kill('SIGTERM')
      await once(process_, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })

  test.each([
    ['the Collector', collectorEngine('path' in collector ? collector.path : ''), 11],
    ['the sidecar', sidecarEngine, 12],
  ])('%s delivers whole traces that Jaeger finds by id', async (_, engine, seed) => {
    const quick = path.join(folder, `quick-${seed}.yaml`)
    // The second backend is not part of this: its queue would keep trying.
    await writeFile(
      quick,
      `processors: { tail_sampling: { decision_wait: 1s } }
service: { pipelines: { traces/sampled: { exporters: [otlp_http/jaeger] } } }
`,
    )
    const pipeline = await startPipeline(engine, [path.join(root, 'otel-collector.yaml'), quick], {
      TAPESCOPE_JAEGER_ENDPOINT: otlp,
    })
    try {
      const traces = tradingTraces(60, seed, Date.now())
      const body = new Uint8Array(tracesRequest(traces))
      const headers = { 'content-type': 'application/x-protobuf' }
      expect((await fetch(`${pipeline.otlp}/v1/traces`, { method: 'POST', headers, body })).status).toBe(200)
      const kept = traces.filter(({ kind }) => kind !== 'rest' && kind !== 'noise')
      for (const { traceId, spans } of kept) {
        const found = await until(`trace ${traceId}`, async () => {
          const response = await fetch(`${ui}/api/traces/${traceId}`)
          if (!response.ok) return undefined
          const { data } = (await response.json()) as { data: { spans: { operationName: string }[] }[] }
          return data[0]?.spans
        })
        expect(found.map(({ operationName }) => operationName).toSorted()).toEqual(
          spans.map(({ name }) => text(name)).toSorted(),
        )
      }
    } finally {
      await pipeline.stop()
    }
  })
})
