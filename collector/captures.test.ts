import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decode, encode } from './otlp/codec.ts'
import { scanBatch } from './otlp/scan.ts'
import { REQUESTS, type Signal } from './otlp/schema.ts'
import { otlpOnAnyPort, runSidecar } from './run-sidecar.ts'

/**
 * Requests as real exporters sent them: the SDK's (traces, logs, metrics of a program under
 * `--import @tapescope/sdk/register`) and the OpenTelemetry Collector's (traces out of otel-collector.yaml).
 */
const folder = join(import.meta.dirname, 'golden/captures')
const captures = readdirSync(folder).map((name) => {
  const signal = /-(traces|metrics|logs)\.bin$/.exec(name)![1] as Signal
  return [name, signal, readFileSync(join(folder, name))] as const
})

let dir: string
let running: Awaited<ReturnType<typeof runSidecar>> | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'captures-'))
})
afterEach(async () => {
  await running?.stop()
  rmSync(dir, { recursive: true })
})

test('there is one of each signal, and one of another maker', () => {
  expect(captures.map(([name]) => name)).toEqual([
    'collector-traces.bin',
    'sdk-logs.bin',
    'sdk-metrics.bin',
    'sdk-traces.bin',
  ])
})

test.each(captures)('%s: the scan takes it, and it survives decoding and encoding', (_, signal, body) => {
  const { batch } = scanBatch(signal, body)
  expect(batch.count).toBeGreaterThan(0)
  const json = decode(REQUESTS[signal], body)
  // The Collector writes an empty parent where a root has none; in protobuf that is the same.
  const text = JSON.stringify(json).replaceAll('"parentSpanId":"",', '')
  expect(decode(REQUESTS[signal], encode(REQUESTS[signal], json))).toEqual(JSON.parse(text))
})

test.each(captures)('%s: goes through a pipeline unchanged', async (_, signal, body) => {
  const file = join(dir, 'out.json')
  running = await runSidecar({
    receivers: otlpOnAnyPort(),
    exporters: { file: { path: file } },
    service: { pipelines: { [signal]: { receivers: ['otlp'], exporters: ['file'] } } },
  })
  const answer = await fetch(`${running.urls['OTLP/HTTP']}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: new Uint8Array(body),
  })
  expect({ status: answer.status, left: Buffer.from(await answer.arrayBuffer()).length }).toEqual({
    status: 200,
    left: 0,
  })
  await running.stop()
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0])).toEqual(decode(REQUESTS[signal], body))
})
