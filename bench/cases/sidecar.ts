import type { BenchCase } from '../case.ts'
import { sendRequests, SPANS_PER_REQUEST, SpanRequests, startRig } from '../sidecar-rig.ts'

/** Requests in one iteration: half a second or so, since the CPU time of a process moves in steps. */
const REQUESTS = 200

/** More than the five seconds that tail sampling waits. */
const WARM_MS = 8_000

const CPU = 'otelcol_process_cpu_seconds_total'

/**
 * The time of an iteration is CPU time that the sidecar's process (all its threads) has used since the iteration
 * before it: what tail sampling decides and the queues send later counts too, in the iteration that it falls into.
 */
function sidecarCase(encoding: 'plain' | 'gzip'): BenchCase {
  return {
    name: `sidecar/${encoding}`,
    unit: 'span',
    about: `CPU time of the sidecar with the whole file and two backends, ${encoding} requests of 512 spans x 10 attributes`,
    budgets: [
      {
        kind: 'ceiling',
        statistic: 'p50',
        maxNs: encoding === 'plain' ? 1e9 / 300_000 : 1e9 / 200_000,
        reason:
          encoding === 'plain'
            ? '300,000 spans per second of CPU time.'
            : 'Inflating 512 spans costs about half as much again as the rest.',
      },
    ],
    gate: false,
    quick: false,
    async setup() {
      const rig = await startRig()
      const source = new SpanRequests()
      // Long enough that code is compiled and that as much is decided, queued and sent as comes in.
      const began = performance.now()
      while (performance.now() - began < WARM_MS)
        await sendRequests(rig, source, REQUESTS, encoding === 'gzip')
      const cpuSeconds = async () => (await rig.metrics()).get(CPU)!
      let before = await cpuSeconds()
      return {
        units: REQUESTS * SPANS_PER_REQUEST,
        timesItself: true,
        async run() {
          await sendRequests(rig, source, REQUESTS, encoding === 'gzip')
          const now = await cpuSeconds()
          const spent = now - before
          before = now
          return spent * 1e9
        },
        close: () => rig.close(),
      }
    },
  }
}

export default (['plain', 'gzip'] as const).map(sidecarCase)
