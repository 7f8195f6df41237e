import { Client } from 'pg'
import { migrate } from '../../service/migrate.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import type { BenchCase, Work } from '../case.ts'
import { config } from '../config.ts'
import { indexQueries } from '../database/index-queries.ts'
import { seed as fill } from '../database/measure-indexes.ts'
import { databaseShapes, type ShapeName, shapeBudgets } from '../database/measure-shapes.ts'

// The row "database" of the specification's table at the base volume: the queries of the 29 indexes by the ceilings of
// their kind, and the five other shapes, whose ceilings are those of `npm run bench:indexes`. That command measures each
// query against its own budget too, at three volumes, with its index and without.

type Calls = readonly ((call: number) => Promise<unknown>)[]

/** `work` gives what to call in turn, single calls being the iterations; the last is awaited to its last row. */
function databaseCase(
  name: string,
  about: string,
  maxMs: number,
  work: (client: Client, url: string) => Promise<{ calls: Calls; close?: () => Promise<void> }>,
): BenchCase {
  return {
    name: `nfr-database/${name}`,
    unit: 'query',
    about,
    budgets: (['p50', 'p95'] as const).map((statistic) => ({
      kind: 'ceiling',
      statistic,
      maxNs: maxMs * 1e6,
      reason: `At most ${maxMs} ms at the base volume (data specification).`,
    })),
    gate: false,
    quick: false,
    async setup(): Promise<Work> {
      const postgres = await startTemporaryPostgres({})
      const client = new Client({ connectionString: postgres.url })
      try {
        await migrate(postgres.url)
        await client.connect()
        await fill(client, { name: 'base volume', barsPerSymbol: config.dataSizes[2], scale: 1 })
        await client.query('VACUUM ANALYZE')
        const { calls, close } = await work(client, postgres.url)
        let call = 0
        return {
          units: 1,
          run: () => calls[call % calls.length](call++),
          notes: () => [calls.length === 1 ? 'one statement' : `${calls.length} statements in turn`],
          async close() {
            await close?.()
            await client.end()
            await postgres.stop()
          },
        }
      } catch (error) {
        await client.end()
        await postgres.stop()
        throw error
      }
    },
  }
}

const kinds = [
  { name: 'bars', prefix: ['idx_ohlcv'], maxMs: config.queryCeilingsMs.bars },
  {
    name: 'patterns',
    prefix: ['idx_patterns', 'idx_trading_ranges', 'idx_backtest_results'],
    maxMs: config.queryCeilingsMs.pattern,
  },
  {
    name: 'signals',
    prefix: ['idx_signals', 'idx_campaigns', 'idx_positions', 'idx_notifications'],
    maxMs: config.queryCeilingsMs.signal,
  },
  { name: 'audit', prefix: ['idx_audit'], maxMs: config.queryCeilingsMs.audit },
].map(({ name, prefix, maxMs }) => {
  const queries = indexQueries.filter(({ index }) => prefix.some((start) => index.startsWith(start)))
  return databaseCase(
    name,
    `one of the ${queries.length} queries of ${prefix.join(', ')}, read to its last row`,
    maxMs,
    (client) =>
      Promise.resolve({
        calls: queries.map(
          ({ text }) =>
            (call: number) =>
              client.query(text, [call]),
        ),
      }),
  )
})

const shapes = (Object.entries(shapeBudgets) as [ShapeName, number][]).map(([shape, maxMs]) =>
  databaseCase(shape.split(',')[0].replaceAll(' ', '-'), shape, maxMs, async (client, url) => {
    const shapes = await databaseShapes(client, url)
    return { calls: [shapes.work[shape]], close: () => shapes.close() }
  }),
)

export default [...kinds, ...shapes]
