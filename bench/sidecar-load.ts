/**
 * What the sidecar takes in memory and what its destinations do to each other, with the whole file, in processes of
 * their own: `npm run bench:sidecar [-- --seconds 60]`. Exit code 1 when a limit is passed.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { SPANS_PER_REQUEST, SpanRequests, startBackend, startRig, type Rig } from './sidecar-rig.ts'

const SPANS_PER_SECOND = 10_000
const MIB = 2 ** 20

interface Row {
  readonly what: string
  readonly found: string
  readonly limit: string
  readonly met: boolean
}

/** Highest resident set while `work` goes on, and that before it, in MiB. */
async function memoryDuring(rig: Rig, work: () => Promise<void>): Promise<{ before: number; peak: number }> {
  const rss = async () => (await rig.metrics()).get('otelcol_process_memory_rss_bytes')! / MIB
  const before = await rss()
  let peak = before
  let done = false
  const watch = (async () => {
    for (;;) {
      peak = Math.max(peak, await rss())
      if (done) return
      await pause(100)
    }
  })()
  await work()
  done = true
  await watch
  return { before, peak }
}

/** Spans at an even rate for a time; answers with how many were acknowledged. */
async function steady(rig: Rig, seconds: number): Promise<number> {
  const source = new SpanRequests()
  const began = performance.now()
  let acknowledged = 0
  for (;;) {
    const elapsed = (performance.now() - began) / 1000
    if (elapsed >= seconds) return acknowledged
    if (acknowledged > elapsed * SPANS_PER_SECOND) {
      await pause(5)
      continue
    }
    const status = await rig.send(Buffer.from(source.next()))
    if (status !== 200) throw new Error(`the sidecar answered ${status}: ${rig.stderr()}`)
    acknowledged += SPANS_PER_REQUEST
  }
}

async function steadyLoad(seconds: number): Promise<Row[]> {
  const rig = await startRig()
  try {
    let acknowledged = 0
    const { before, peak } = await memoryDuring(rig, async () => {
      acknowledged = await steady(rig, seconds)
    })
    // What waits for its decision, and then for its batch.
    await pause(8_000)
    const metrics = await rig.metrics()
    const decided = (decision: string) =>
      metrics.get(
        `otelcol_processor_tail_sampling_spans_total{processor="tail_sampling",decision="${decision}"}`,
      ) ?? 0
    const kept = decided('sampled')
    const lost = acknowledged - kept - decided('not_sampled')
    const missing = rig.backends.reduce((sum, { spans }) => sum + kept - spans, 0)
    return [
      {
        what: `${SPANS_PER_SECOND} spans/s for ${seconds} s: lost`,
        found: String(lost + missing),
        limit: '0',
        met: lost === 0 && missing === 0,
      },
      {
        what: 'the same: more memory than at rest',
        found: `${(peak - before).toFixed(0)} MiB (${before.toFixed(0)} to ${peak.toFixed(0)})`,
        limit: '100 MiB',
        met: peak - before <= 100,
      },
    ]
  } finally {
    await rig.close()
  }
}

async function hugeBody(what: string, body: () => Buffer, gzip: boolean): Promise<Row> {
  const rig = await startRig()
  try {
    // Warm, so that what is measured is the body and not the first compilation.
    const source = new SpanRequests()
    for (let i = 0; i < 20; i++) await rig.send(Buffer.from(source.next()))
    const large = body()
    let answer = ''
    const { before, peak } = await memoryDuring(rig, async () => {
      for (let i = 0; i < 3; i++)
        answer = await rig.send(large, gzip).then(String, (error: NodeJS.ErrnoException) => error.code ?? '')
    })
    return {
      what: `${what}, three times: more memory`,
      found: `${(peak - before).toFixed(0)} MiB, answered ${answer}`,
      limit: '64 MiB',
      met: peak - before <= 64,
    }
  } finally {
    await rig.close()
  }
}

/** From the last span sent until the healthy backend has all that is kept, with the other one alive and dead. */
async function deadBackend(seconds: number): Promise<Row> {
  const arrival = async (dead: boolean): Promise<number> => {
    const healthy = await startBackend()
    const other = await startBackend()
    if (dead) other.close()
    const rig = await startRig({ backends: [other.url, healthy.url] })
    try {
      await steady(rig, seconds)
      const began = performance.now()
      const now = async (name: string) => (await rig.metrics()).get(`otelcol_${name}`) ?? 0
      while ((await now('processor_tail_sampling_pending_spans{processor="tail_sampling"}')) > 0)
        await pause(20)
      const expected = await now('exporter_offered_spans_total{exporter="otlp_http/tempo"}')
      while (healthy.taken.spans < expected) await pause(20)
      return (performance.now() - began) / 1000
    } finally {
      await rig.close()
      healthy.close()
      if (!dead) other.close()
    }
  }
  const alive = await arrival(false)
  const dead = await arrival(true)
  return {
    what: 'last span to all at the healthy backend, the other one dead / alive',
    found: `${dead.toFixed(1)} s / ${alive.toFixed(1)} s`,
    limit: '2x',
    met: dead <= 2 * alive,
  }
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const seconds = Number(values.seconds)
const rows = [
  ...(await steadyLoad(seconds)),
  await hugeBody('a body of 200 MB', () => Buffer.alloc(200e6, 'x'), false),
  await hugeBody('1 GiB of zeros as gzip', () => gzipSync(Buffer.alloc(2 ** 30), { level: 9 }), true),
  await deadBackend(Math.min(seconds, 10)),
]
for (const { what, found, limit, met } of rows)
  process.stdout.write(`${met ? 'ok  ' : 'FAIL'} ${what}\n       ${found} (limit ${limit})\n`)
process.exit(rows.every(({ met }) => met) ? 0 : 1)
