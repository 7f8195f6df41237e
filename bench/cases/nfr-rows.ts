import { createSignalEngine, generateBars, type SignalResult } from '@tapescope/engine'
import type { Database, Transaction } from '../../service/database.ts'
import { storeSignals } from '../../service/store-signals.ts'
import type { BenchCase, Work } from '../case.ts'
import { config } from '../config.ts'

// What the service itself does to store a generation: ids, rows, JSON. Statements are answered at once by nobody, so that the
// gate can compare it without a PostgreSQL; `nfr-pipeline` has the real one.

const unanswered: Transaction = {
  query: () => Promise.resolve([]),
  execute: () => Promise.resolve(0),
  copyInto: () => Promise.resolve(),
}
const database: Database = {
  ...unanswered,
  transaction: (work) => work(unanswered),
  pool: () => ({ total: 0, idle: 0, waiting: 0 }),
  close: () => Promise.resolve(),
}

const engine = createSignalEngine({ preset: 'standard' })
const [, length] = config.dataSizes

const rows: BenchCase = {
  name: 'nfr-rows/generation',
  unit: 'generation',
  about: `ids and rows of all that ${length} unseen bars hold, up to the statements that would store them`,
  budgets: [
    {
      kind: 'ceiling',
      statistic: 'p95',
      maxNs: config.ceilingsMs.databaseWork * 1e6,
      reason: 'It is a part of the database work of one generation.',
    },
  ],
  setup({ seed }): Work {
    let next = seed
    let { bars } = generateBars({ seed, length })
    let result: SignalResult
    let signals = 0
    return {
      units: 1,
      prepare() {
        ;({ bars } = generateBars({ seed: next++, length }))
        result = engine.generate(bars)
        signals += result.signals.length
      },
      run: () => storeSignals(database, bars, result, null, 'local'),
      notes() {
        if (signals === 0) throw new Error('no signal was found while measuring')
        return [`${signals} signals in ${next - seed} series`]
      },
    }
  },
}

export default rows
