import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { migrate } from '../../service/migrate.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import { measureIndexes, seed, type Volume } from './measure-indexes.ts'
import { measureShapes } from './measure-shapes.ts'
import { budgetsMissed, renderPlans, renderReport, type VolumeReport } from './render-report.ts'

// node bench/database/main.ts [--quick]: measures the 29 indexes and writes docs/index-report.md.
const quick = process.argv.includes('--quick')
const calls = quick ? 20 : 200
const volumes: Volume[] = [
  { name: 'base volume', barsPerSymbol: 10_000, scale: 1 },
  { name: 'smaller tables x 100', barsPerSymbol: 10_000, scale: 100 },
  { name: '1,000,000 bars', barsPerSymbol: 100_000, scale: 1 },
]

const reports: VolumeReport[] = []
let version = ''
for (const volume of quick ? volumes.slice(0, 1) : volumes) {
  const postgres = await startTemporaryPostgres({})
  try {
    await migrate(postgres.url)
    const client = new Client({ connectionString: postgres.url })
    await client.connect()
    await seed(client, volume)
    // Dead rows and cold caches would be measured otherwise.
    await client.query('VACUUM ANALYZE')
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    version = rows[0].server_version
    console.error(`measuring at ${volume.name}`)
    const shapes = await measureShapes(client, postgres.url, calls)
    await client.query('VACUUM ANALYZE')
    reports.push({ volume, shapes, measures: await measureIndexes(client, calls) })
    await client.end()
  } finally {
    await postgres.stop()
  }
}
const context = {
  postgres: `PostgreSQL ${version}`,
  machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
  date: new Date().toISOString().slice(0, 10),
  calls,
  load: loadavg()[0],
}
const report = renderReport(reports, context)
const docs = join(import.meta.dirname, '..', '..', 'docs')
if (quick) console.log(report)
else {
  writeFileSync(join(docs, 'index-report.md'), report)
  writeFileSync(join(docs, 'index-plans.md'), renderPlans(reports, context))
}
// A budget that is missed at the base volume is a failure of this command.
process.exit(budgetsMissed(reports[0]) === 0 ? 0 : 1)
