import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parse } from 'yaml'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtCollector } from './collector-binary.ts'
import { startOtlpSink, type ReceivedSpan } from './otlp-sink.ts'
import {
  collectorEngine,
  root,
  sidecarEngine,
  startPipeline,
  until,
  type Engine,
} from './pipeline-process.ts'
import { tracesRequest, tradingTraces, type MadeTrace, type TraceKind } from './trading-traces.ts'

const built = await builtCollector()
const binary = 'path' in built ? built.path : ''
const why = 'unavailable' in built ? ` (not shown: ${built.unavailable})` : ''
const production = path.join(root, 'otel-collector.yaml')

interface Policy {
  name: string
}
const { processors } = parse(readFileSync(production, 'utf8')) as {
  processors: { tail_sampling: { policies: Policy[] } }
}
const { policies } = processors.tail_sampling

interface Outcome {
  readonly jaeger: readonly ReceivedSpan[]
  readonly tempo: readonly ReceivedSpan[]
  readonly spanMetrics: string
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-differential-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Sends the traces through one engine with two backends and waits until it has decided about all of them. */
async function through(
  engine: Engine,
  files: readonly string[],
  traces: readonly MadeTrace[],
  { metrics }: { metrics: boolean },
): Promise<Outcome> {
  const [jaeger, tempo] = [await startOtlpSink(), await startOtlpSink()]
  const pipeline = await startPipeline(engine, files, {
    TAPESCOPE_JAEGER_ENDPOINT: jaeger.url,
    TAPESCOPE_TEMPO_ENDPOINT: tempo.url,
  })
  try {
    for (let from = 0; from < traces.length; from += 50) {
      const answer = await fetch(`${pipeline.otlp}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: new Uint8Array(tracesRequest(traces.slice(from, from + 50))),
      })
      expect(answer.status).toBe(200)
    }
    const expected = traces.filter(({ kind }) => kind !== 'noise').flatMap(({ spans }) => spans).length
    const scrape = async (): Promise<string | undefined> => {
      const text = await (await fetch(pipeline.spanMetrics)).text()
      return callsIn(text) === expected ? text : undefined
    }
    // The Collector tells a new series as 0 first and its count at the next flush, 5 s later.
    const spanMetrics = metrics ? await until('all spans in the span metrics', scrape) : ''
    // A decision takes decision_wait and the next tick; then nothing more comes.
    let seen = -1
    let quietSince = Date.now()
    await until('the last decision', () => {
      const now = jaeger.spans.length + tempo.spans.length
      if (now !== seen) [seen, quietSince] = [now, Date.now()]
      return Date.now() - quietSince > 5_000 ? true : undefined
    })
    return { jaeger: [...jaeger.spans], tempo: [...tempo.spans], spanMetrics }
  } finally {
    await pipeline.stop()
    await jaeger.close()
    await tempo.close()
  }
}

const callsIn = (text: string): number =>
  [...text.matchAll(/^\w*calls_total\{.*\} (\d+)/gm)].reduce((sum, [, value]) => sum + Number(value), 0)

function byId(spans: readonly ReceivedSpan[]): Map<string, ReceivedSpan> {
  const found = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span]))
  expect(found.size).toBe(spans.length)
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Exposition lines in an order that depends on nothing, without what is chosen by time or chance: exemplars, created
 * times, and the Collector's random instance id.
 */
function comparable(text: string): string[] {
  return text
    .split('\n')
    .map((line) =>
      line
        .split(' # {')[0]
        .trimEnd()
        .replace(/collector_instance_id="[^"]*",?/, ''),
    )
    .filter((line) => line !== '' && !/^\w+_created\b|_created\{/.test(line))
    .toSorted()
}

describe.skipIf(binary === '')(`sidecar and Collector, the same file${why}`, () => {
  const traces = tradingTraces(400, 7, Date.now())
  let ours: Outcome
  let theirs: Outcome
  beforeAll(async () => {
    const quick = path.join(folder, 'quick.yaml')
    await writeFile(quick, 'processors: { tail_sampling: { decision_wait: 1s } }\n')
    theirs = await through(collectorEngine(binary), [production, quick], traces, { metrics: true })
    ours = await through(sidecarEngine, [production, quick], traces, { metrics: true })
  })

  test('the same spans at each backend, to the last attribute', () => {
    expect(byId(theirs.jaeger).size).toBeGreaterThan(500)
    expect(byId(theirs.tempo)).toEqual(byId(theirs.jaeger))
    expect(byId(ours.jaeger)).toEqual(byId(theirs.jaeger))
    expect(byId(ours.tempo)).toEqual(byId(theirs.tempo))
  })

  test('everything that must be kept is kept by both, noise by none', () => {
    const idsOf = (kept: (kind: TraceKind) => boolean): string[] =>
      traces.filter(({ kind }) => kept(kind)).map(({ traceId }) => traceId)
    for (const { jaeger } of [ours, theirs]) {
      const kept = new Set(jaeger.map(({ traceId }) => traceId))
      expect([...kept]).toEqual(expect.arrayContaining(idsOf((kind) => kind !== 'rest' && kind !== 'noise')))
      expect(idsOf((kind) => kind === 'noise').filter((id) => kept.has(id))).toEqual([])
    }
  })

  test('the same span metrics, the same Prometheus text up to order', () => {
    const [sidecar, collector] = [comparable(ours.spanMetrics), comparable(theirs.spanMetrics)]
    expect(sidecar.filter((line) => !collector.includes(line))).toEqual([])
    expect(collector.filter((line) => !sidecar.includes(line))).toEqual([])
    expect(collector.length).toBeGreaterThan(200)
  })

  test.each(policies.map((policy) => [policy.name, policy] as const))(
    'policy %s alone keeps the same traces',
    async (name, policy) => {
      const file = path.join(folder, `${name}.yaml`)
      await writeFile(
        file,
        JSON.stringify({ processors: { tail_sampling: { decision_wait: '1s', policies: [policy] } } }),
      )
      const keptBy = async (engine: Engine): Promise<Record<TraceKind, number> & { ids: string[] }> => {
        const { jaeger } = await through(engine, [production, file], traces, { metrics: false })
        const ids = [...new Set(jaeger.map(({ traceId }) => traceId))].toSorted()
        const kinds = traces.filter(({ traceId }) => ids.includes(traceId)).map(({ kind }) => kind)
        const counts = Object.fromEntries(
          kinds.map((kind) => [kind, kinds.filter((one) => one === kind).length]),
        )
        return { ...(counts as Record<TraceKind, number>), ids }
      }
      const [theirs, ours] = await Promise.all([keptBy(collectorEngine(binary)), keptBy(sidecarEngine)])
      expect(theirs.ids.length).toBeGreaterThan(0)
      expect(theirs.ids.length).toBeLessThan(traces.length)
      expect(ours).toEqual(theirs)
    },
  )
})
