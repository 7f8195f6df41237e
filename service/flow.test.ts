import { createSignalEngine, parseBarsCsv, refusedAtOpen, type Signal } from '@tapescope/engine'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { servicePreset } from './decision-chain.ts'
import { readRealBarsCsv } from './real-bars.ts'
import { type Json, startTestService, type TestService } from './test-service.ts'

// One signal's whole life, by HTTP alone: every table is written and read on the way.

let service: TestService
let call: TestService['call']
const text = (await readRealBarsCsv()).trim()
const [header, ...lines] = text.split('\n')
const engine = createSignalEngine({ preset: servicePreset })

beforeAll(async () => {
  service = await startTestService()
  ;({ call } = service)
})
afterAll(() => service.stop())

const csvOf = (first: number, end: number) => [header, ...lines.slice(first, end)].join('\n')

async function upload(first: number, end: number): Promise<void> {
  const response = await service.app.request('/api/v1/bars?symbol=SPX&timeframe=1d', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: csvOf(first, end),
  })
  expect(await response.json()).toMatchObject({ inserted: end - first, rejected_count: 0 })
}

async function list(path: string): Promise<Json[]> {
  const { status, body } = await call('GET', path)
  expect([path, status]).toEqual([path, 200])
  return body['data'] as Json[]
}

/** A day on which a signal waits for its decision, and can be filled on the next. */
function dayOfDecision(): { end: number; waits: Signal } {
  const { bars } = parseBarsCsv(text, { symbol: 'SPX', timeframe: '1d' })
  for (const { confirmedBar } of engine.generate(bars).signals) {
    const cut = parseBarsCsv(csvOf(0, confirmedBar + 1), { symbol: 'SPX', timeframe: '1d' })
    const waits = engine.generate(cut.bars).signals.find(({ status }) => status === 'PENDING')
    if (waits === undefined) continue
    const side = waits.side === 'LONG' ? 1 : -1
    const levels = { side, stop: waits.stopLoss, target: waits.primaryTarget } as const
    if (refusedAtOpen(levels, bars.open[confirmedBar + 1]) === null) return { end: confirmedBar + 1, waits }
  }
  throw new Error('no signal of the S&P 500 waits for review')
}

test('bars in, a signal, its approval, fill, position, campaign, end, notices and audit: all by HTTP', async () => {
  const { end, waits } = dayOfDecision()
  await upload(0, end)
  const made = await call('POST', '/api/v1/signals/generate', { symbol: 'SPX', timeframe: '1d' })
  expect(made.status).toBe(201)
  const pending = await list('/api/v1/signals/active?symbol=SPX&status=PENDING')
  const signal = pending.find(({ target_1 }) => Math.abs(Number(target_1) - waits.primaryTarget) < 1e-6)!
  const id = String(signal['id'])
  const status = async () => ((await call('GET', `/api/v1/signals/${id}`)).body['signal'] as Json)['status']

  // Where it came from.
  const { pattern } = (await call('GET', `/api/v1/signals/${id}`)).body as { pattern: Json }
  const found = await list(`/api/v1/patterns?range_id=${String(pattern['trading_range_id'])}`)
  expect(found.map((row) => row['id'])).toContain(pattern['id'])
  const ranges = await list('/api/v1/ranges?symbol=SPX&limit=200')
  expect(ranges.map((row) => row['id'])).toContain(pattern['trading_range_id'])

  // It waits, whatever the book does with others, until somebody decides.
  const unread = await list('/api/v1/notifications?type=signal_generated&read=false&limit=200')
  const notice = unread.find(({ metadata }) => (metadata as Json)['signal_id'] === id)!
  expect((await call('POST', `/api/v1/notifications/${String(notice['id'])}/read`)).status).toBe(200)
  expect((await list('/api/v1/notifications?read=true')).map((row) => row['id'])).toEqual([notice['id']])
  expect((await call('POST', `/api/v1/signals/${id}/approve`)).body).toMatchObject({ status: 'APPROVED' })

  // The next bar fills it, or fills and ends it; bars come until it has ended.
  let at = end
  const seen: unknown[] = []
  while (!['STOPPED', 'TARGET_HIT'].includes(String(await status())) && at < lines.length) {
    await upload(at, ++at)
    seen.push(await status())
    if (at !== end + 1 || seen[0] !== 'FILLED') continue
    const [position] = await list(`/api/v1/positions?signal_id=${id}&status=OPEN`)
    expect(position).toMatchObject({ status: 'OPEN', campaign_id: signal['campaign_id'] })
    const active = await list('/api/v1/campaigns?user_id=local&status=ACTIVE')
    const campaign = active.find((row) => row['id'] === signal['campaign_id'])
    expect(Number(campaign!['total_shares'])).toBeGreaterThanOrEqual(Number(position['shares']))
  }
  const ended = await status()
  expect(['STOPPED', 'TARGET_HIT']).toContain(ended)
  const [position] = await list(
    `/api/v1/positions?campaign_id=${String(signal['campaign_id'])}&status=CLOSED`,
  )
  expect(position).toMatchObject({
    signal_id: id,
    status: 'CLOSED',
    current_pnl: expect.any(Number) as number,
  })
  const campaigns = await list('/api/v1/campaigns?limit=200')
  const campaign = campaigns.find((row) => row['id'] === signal['campaign_id'])!
  expect(campaign).toMatchObject({ total_shares: 0, total_pnl: expect.any(Number) as number })

  // Each step was told and written down.
  const told = await list('/api/v1/notifications?limit=200')
  const mine = told.filter(({ metadata }) => (metadata as Json)['signal_id'] === id)
  expect(mine.map((row) => row['notification_type'])).toContain(
    ended === 'STOPPED' ? 'emergency_exit' : 'risk_warning',
  )
  const audit = (await list('/api/v1/audit?user_id=local&limit=200')).filter((row) => row['entity_id'] === id)
  const actions = audit.map((row) => String(row['action_type'])).toReversed()
  expect(actions.slice(0, 2)).toEqual(['signal_stored', 'signal_approved'])
  expect(actions.slice(2).length).toBe(new Set(seen).size)
  expect((await list('/api/v1/audit?action_type=signal_approved')).length).toBe(1)
  const { body: explained } = await call('GET', `/api/v1/signals/${id}/trace`)
  expect(explained).toMatchObject({ status: ended, decision: { status: 'APPROVED', user_id: 'local' } })

  // And what the same bars would have earned.
  const period = { symbol: 'SPX', start_date: '2000-01-03', end_date: '2020-01-01', strategy: 'wyckoff_all' }
  const run = await call('POST', '/api/v1/backtests/run?wait=60', period)
  expect(run.body).toMatchObject({ status: 'COMPLETED' })
  const results = await list('/api/v1/backtests/results?symbol=SPX&status=COMPLETED')
  expect(results.map((row) => row['backtest_run_id'])).toEqual([run.body['backtest_run_id']])
  expect(service.logged).toEqual([])
})
