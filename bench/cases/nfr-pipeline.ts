import { spawn } from 'node:child_process'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { databaseDefaults } from '../../service/database.ts'
import { listenForSignals } from '../../service/signal-feed.ts'
import type { BenchCase, Budget, Work } from '../case.ts'
import { config } from '../config.ts'
import type { ColdInput } from '../nfr/cold-pipeline.ts'
import { PatternCount } from '../nfr/pattern-bars.ts'
import { PipelineRig, type PipelineRun, PipelineWalk } from '../nfr/pipeline-rig.ts'

// NFR1 and the rows that need the database: on bars at whose close a pattern is confirmed, in a real PostgreSQL.

const { ceilingsMs, concurrentSymbols, dataSizes } = config
const nfr1Ns = config.nfr1Seconds * 1e9

function ceilings(maxNs: number, reason: string): Budget[] {
  return (['p50', 'p95', 'p99'] as const).map((statistic) => ({ kind: 'ceiling', statistic, maxNs, reason }))
}

const nfr1 = ceilings(nfr1Ns, `NFR1: at most ${config.nfr1Seconds} s per symbol per bar.`)

/** A case whose iteration is one bar of one symbol; `timeOf` says what of it counts, in ms. */
function barCase(
  about: Pick<BenchCase, 'name' | 'about' | 'budgets'>,
  history: number,
  timeOf: (run: PipelineRun) => number,
): BenchCase {
  return {
    unit: 'bar',
    gate: false,
    ...about,
    async setup({ seed }): Promise<Work> {
      const rig = await PipelineRig.start()
      const walk = new PipelineWalk(rig, seed, history)
      const found = new PatternCount()
      let newSignals = 0
      return {
        units: 1,
        timesItself: true,
        prepare: () => walk.toNext(),
        async run() {
          const run = await walk.run()
          found.add(run.types)
          newSignals += run.newSignals.length
          return timeOf(run) * 1e6
        },
        notes() {
          if (newSignals === 0) throw new Error('no signal was stored while measuring')
          return [`bars that confirmed ${found.told()}; ${newSignals} signals stored`]
        },
        close: () => rig.stop(),
      }
    },
  }
}

const warm = dataSizes.map((history) =>
  barCase(
    {
      name: `nfr-pipeline/warm-${history}`,
      about: `NFR1: one new bar after ${history} and more, stored, analysed with all before it, findings stored`,
      budgets: nfr1,
    },
    history,
    ({ ms }) => ms,
  ),
)

const database = barCase(
  {
    name: 'nfr-pipeline/database',
    about: 'the database work of one generation: bars read, findings stored, the engine left out',
    budgets: ceilings(ceilingsMs.databaseWork * 1e6, `At most ${ceilingsMs.databaseWork} ms a generation.`),
  },
  dataSizes[1],
  ({ databaseMs }) => databaseMs,
)

const cold: BenchCase = {
  name: 'nfr-pipeline/cold',
  unit: 'bar',
  about:
    'NFR1 in a process that has done nothing yet: connecting, uncompiled code, its first bar; a new process each',
  budgets: nfr1,
  gate: false,
  quick: false,
  async setup({ seed }): Promise<Work> {
    const rig = await PipelineRig.start()
    const walk = new PipelineWalk(rig, seed, dataSizes[1])
    const found = new PatternCount()
    const loads: number[] = []
    return {
      units: 1,
      timesItself: true,
      prepare: () => walk.toNext(),
      async run() {
        const { ms, loadMs, types } = await coldRun(rig.url, walk)
        found.add(types)
        loads.push(loadMs)
        return ms * 1e6
      },
      notes: () => [
        `bars that confirmed ${found.told()}`,
        `Node and the program were loaded in ${Math.min(...loads).toFixed(0)} to ${Math.max(...loads).toFixed(0)} ms before`,
      ],
      close: () => rig.stop(),
    }
  },
}

const coldFile = fileURLToPath(new URL('../nfr/cold-pipeline.ts', import.meta.url))

async function coldRun(url: string, { stop }: PipelineWalk): Promise<PipelineRun & { loadMs: number }> {
  const child = spawn(process.execPath, [coldFile], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { bars, bar } = stop
  const column = (name: keyof ColdInput['columns']) => Array.from(bars[name].subarray(0, bar + 1))
  const input: ColdInput = {
    symbol: bars.symbol,
    timeframe: bars.timeframe,
    columns: {
      time: column('time'),
      open: column('open'),
      high: column('high'),
      low: column('low'),
      close: column('close'),
      volume: column('volume'),
    },
  }
  child.stdin.end(JSON.stringify(input))
  return (await json(child.stdout)) as PipelineRun & { loadMs: number }
}

const concurrent: BenchCase = {
  name: 'nfr-pipeline/concurrent',
  unit: 'bar',
  about: `NFR1 for ${concurrentSymbols} symbols whose bars end at the same moment, as many at a time as the pool has connections: from that moment until the last is stored`,
  budgets: nfr1,
  gate: false,
  quick: false,
  async setup({ seed }): Promise<Work> {
    const rig = await PipelineRig.start()
    const walks = Array.from(
      { length: concurrentSymbols },
      (_, k) => new PipelineWalk(rig, seed + 1_000 * k, dataSizes[0], `C${k}-`),
    )
    const found = new PatternCount()
    return {
      units: 1,
      async prepare() {
        for (const walk of walks) await walk.toNext()
      },
      async run() {
        const left = walks.values()
        await Promise.all(
          Array.from({ length: databaseDefaults.maxConnections }, async () => {
            for (const walk of left) found.add((await walk.run()).types)
          }),
        )
      },
      notes: () => [`each time ${concurrentSymbols} bars; they confirmed ${found.told()}`],
      close: () => rig.stop(),
    }
  },
}

const notification: BenchCase = {
  name: 'nfr-pipeline/notification',
  unit: 'signal',
  about:
    'hand-off of one new signal: its notification is written, the transaction commits, a subscriber of the feed has it',
  budgets: ceilings(
    ceilingsMs.notification * 1e6,
    `At most ${ceilingsMs.notification} ms to hand a notification off.`,
  ),
  gate: false,
  async setup({ seed }): Promise<Work> {
    const rig = await PipelineRig.start()
    const feed = await listenForSignals(rig.url, () => undefined)
    const walk = new PipelineWalk(rig, seed, dataSizes[1])
    let told = 0

    /** The next bar that gives a signal; answers with the ms of its hand-off. */
    async function next(): Promise<number> {
      for (;;) {
        await walk.toNext()
        let stop = (): void => undefined
        const heardMs = new Promise<number>((resolve) => {
          // Nobody else stores signals here.
          stop = feed.subscribe(walk.stop.bars.symbol, () => resolve(performance.now()))
        })
        const { newSignals, ended } = await walk.run()
        const handedOverMs = newSignals.length === 0 ? undefined : await heardMs
        stop()
        if (handedOverMs === undefined) continue
        told++
        const statements = rig.statementMs.get('notifications.insert')! + rig.statementMs.get('commit')!
        return statements + Math.max(0, handedOverMs - ended)
      }
    }

    return {
      units: 1,
      timesItself: true,
      run: async () => (await next()) * 1e6,
      async verify() {
        const [{ count }] = await rig.database.query<{ count: number }>({
          name: 'bench.notifications',
          text: "SELECT count(*) FROM notifications WHERE notification_type = 'signal_generated'",
        })
        if (count < told) throw new Error(`${told} signals were told, ${count} notifications are stored`)
      },
      notes: () => [`${told} signals were told`],
      async close() {
        await feed.stop()
        await rig.stop()
      },
    }
  },
}

export default [...warm, cold, concurrent, database, notification]
