/**
 * npm run bench:collector [-- ROUNDS]: the sidecar and the real Collector, the whole production file, two backends,
 * the same requests in turn: CPU time per span and memory. Fresh processes, in alternating order.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { inspectEnvironment } from '../environment.ts'
import { table } from '../format.ts'
import { SPANS_PER_REQUEST, SpanRequests, startBackend } from '../sidecar-rig.ts'
import { median } from '../statistics.ts'
import { buildCollector } from './collector-binary.ts'
import {
  collectorEngine,
  root,
  sidecarEngine,
  startPipeline,
  until,
  type Engine,
  type PipelineProcess,
} from './pipeline-process.ts'

const requests = 400
const warmUp = 100
/** Linux counts a process's time in these. */
const ticksPerSecond = 100

interface Measured {
  readonly spansPerCpuSecond: number
  readonly peakMib: number
  readonly deliveredSpans: number
}

async function cpuSeconds({ child }: PipelineProcess): Promise<number> {
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8')
  // After the name in brackets: state is field 3, utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

async function peakMib({ child }: PipelineProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

async function measure(engine: Engine): Promise<Measured> {
  const [jaeger, tempo] = [await startBackend(), await startBackend()]
  const pipeline = await startPipeline(engine, [path.join(root, 'otel-collector.yaml')], {
    TAPESCOPE_JAEGER_ENDPOINT: jaeger.url,
    TAPESCOPE_TEMPO_ENDPOINT: tempo.url,
  })
  try {
    const source = new SpanRequests()
    const send = async (count: number): Promise<void> => {
      let left = count
      const lane = async (): Promise<void> => {
        while (left-- > 0) {
          const answer = await fetch(`${pipeline.otlp}/v1/traces`, {
            method: 'POST',
            headers: { 'content-type': 'application/x-protobuf' },
            body: new Uint8Array(source.next()),
          })
          await answer.arrayBuffer()
          if (!answer.ok)
            throw new Error(`${engine.name} answered ${answer.status}:\n${pipeline.log().slice(-2_000)}`)
        }
      }
      await Promise.all(Array.from({ length: 4 }, lane))
    }
    const settled = async (): Promise<void> => {
      let seen = -1
      let since = Date.now()
      // Longer than decision_wait and a flush of the span metrics together.
      await until(
        'deliveries to end',
        () => {
          const now = jaeger.taken.spans + tempo.taken.spans
          if (now !== seen) [seen, since] = [now, Date.now()]
          return Date.now() - since > 8_000 ? true : undefined
        },
        120,
      )
    }
    await send(warmUp)
    await settled()
    const before = await cpuSeconds(pipeline)
    await send(requests)
    await settled()
    const spent = (await cpuSeconds(pipeline)) - before
    if (jaeger.taken.spans !== tempo.taken.spans)
      throw new Error(`${engine.name}: the backends got ${jaeger.taken.spans} and ${tempo.taken.spans} spans`)
    return {
      spansPerCpuSecond: (requests * SPANS_PER_REQUEST) / spent,
      peakMib: await peakMib(pipeline),
      deliveredSpans: jaeger.taken.spans,
    }
  } finally {
    await pipeline.stop()
    jaeger.close()
    tempo.close()
  }
}

const rounds = Number(process.argv[2] ?? 3)
const built = await buildCollector((line) => process.stderr.write(`${line}\n`))
if ('unavailable' in built) {
  process.stdout.write(`NOT SHOWN: ${built.unavailable}\n`)
  process.exit(3)
}
const environment = await inspectEnvironment()
const engines = [sidecarEngine, collectorEngine(built.path)]
const found = new Map(engines.map((engine) => [engine.name, [] as Measured[]]))
for (let round = 0; round < rounds; round++)
  for (const engine of round % 2 === 0 ? engines : engines.toReversed()) {
    if (process.stderr.isTTY) process.stderr.write(`round ${round + 1}/${rounds}: ${engine.name}\n`)
    found.get(engine.name)!.push(await measure(engine))
  }
const middle = (name: string, key: keyof Measured): number => median(found.get(name)!.map((one) => one[key]))
const row = (title: string, key: keyof Measured, digits: number): string[] => {
  const [ours, theirs] = [middle('sidecar', key), middle('collector', key)]
  return [title, ours.toFixed(digits), theirs.toFixed(digits), (ours / theirs).toFixed(2)]
}
process.stdout.write(
  [
    ...table([
      ['median of the rounds', 'sidecar', 'Collector', 'ratio'],
      row('spans per CPU second', 'spansPerCpuSecond', 0),
      row('peak memory, MiB', 'peakMib', 0),
      row('spans at each backend', 'deliveredSpans', 0),
    ]),
    '',
    `${rounds} rounds of ${requests} requests x ${SPANS_PER_REQUEST} spans x 10 attributes; ${environment.machineClass}, load ${environment.load}`,
    ...environment.warnings.map((line) => `warning: ${line}`),
    '',
  ].join('\n'),
)
