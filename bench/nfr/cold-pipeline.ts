// One bar of one symbol through the full pipeline in a process that has done nothing yet, for `cases/nfr-pipeline.ts`:
// cold-pipeline.ts with DATABASE_URL and the bars as JSON on stdin. Connecting is part of its time.
import { createSignalEngine, type BarSeries } from '@tapescope/engine'
import { json } from 'node:stream/consumers'
import { openDatabase } from '../../service/database.ts'
import { servicePreset } from '../../service/decision-chain.ts'
import { runPipeline } from './pipeline-rig.ts'

export interface ColdInput {
  readonly symbol: string
  readonly timeframe: BarSeries['timeframe']
  readonly columns: Readonly<Record<'time' | 'open' | 'high' | 'low' | 'close' | 'volume', readonly number[]>>
}

const { symbol, timeframe, columns } = (await json(process.stdin)) as ColdInput
const column = (name: keyof ColdInput['columns']) => Float64Array.from(columns[name])
const bars: BarSeries = {
  symbol,
  timeframe,
  length: columns.time.length,
  time: column('time'),
  open: column('open'),
  high: column('high'),
  low: column('low'),
  close: column('close'),
  volume: column('volume'),
}
const began = performance.now()
const database = openDatabase({ url: process.env['DATABASE_URL']! })
const engine = createSignalEngine({ preset: servicePreset })
const run = await runPipeline(database, engine, bars, bars.length - 1)
const ms = performance.now() - began
await database.close()
// Loading the program until here, too: what a new process costs besides.
process.stdout.write(JSON.stringify({ ...run, ms, loadMs: began }))
