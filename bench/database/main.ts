import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { migrate } from '../../service/migrate.ts'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'
import { measureIndexes, seed, type Volume } from './measure-indexes.ts'
import { renderReport, type VolumeReport } from './render-report.ts'

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
    reports.push({ volume, measures: await measureIndexes(client, calls) })
    await client.end()
  } finally {
    await postgres.stop()
  }
}
const text = renderReport(reports, {
  postgres: `PostgreSQL ${version}`,
  machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
  date: new Date().toISOString().slice(0, 10),
  calls,
})
if (quick) console.log(text)
else writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'index-report.md'), text)
