import { parseBarsCsv } from '@tapescope/engine'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRealBarsCsv } from './real-bars.ts'
import { storeBars } from './store-bars.ts'
import { type Json, startTestService, type TestService } from './test-service.ts'

const hash = (key: string) => createHash('sha256').update(key).digest('hex')
const as = (user: string) => ({ authorization: `Bearer ${user}-key` })
let service: TestService

beforeAll(async () => {
  service = await startTestService({ keys: `alice:${hash('alice-key')},bob:${hash('bob-key')}` })
  const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
  await storeBars(service.database, bars)
})
afterAll(() => service.stop())

const list = async (path: string, user: string) => {
  const { body } = await service.call('GET', path, undefined, as(user))
  return { rows: body['data'] as Json[], total: (body['pagination'] as Json)['total_count'] }
}

describe('with API keys, the book', () => {
  it('is in the name of who had it made, and a decision in the name of who took it', async () => {
    const made = await service.call(
      'POST',
      '/api/v1/signals/generate',
      { symbol: 'SPX', timeframe: '1d' },
      as('alice'),
    )
    expect(made.status).toBe(201)
    const signals = (made.body['totals'] as Json)['new_signals']
    expect((await list('/api/v1/campaigns?user_id=alice', 'bob')).total).toBeGreaterThan(0)
    expect((await list('/api/v1/campaigns?user_id=local', 'bob')).total).toBe(0)
    // Lists of one's own are so without being asked.
    expect((await list('/api/v1/notifications', 'alice')).total).toBe(signals)
    expect((await list('/api/v1/notifications', 'bob')).total).toBe(0)
    expect((await list('/api/v1/audit?action_type=signal_stored', 'alice')).total).toBe(signals)

    const [{ id }] = await service.database.query<{ id: string }>({
      name: 'test.pending',
      text: `UPDATE signals SET status = 'PENDING' WHERE id = (SELECT id FROM signals WHERE status = 'EXPIRED' LIMIT 1)
        RETURNING id`,
    })
    expect((await service.call('POST', `/api/v1/signals/${id}/reject`, undefined, as('bob'))).status).toBe(
      200,
    )
    // Twice the same is no second decision; another one comes too late.
    expect((await service.call('POST', `/api/v1/signals/${id}/reject`, undefined, as('alice'))).status).toBe(
      200,
    )
    expect((await service.call('POST', `/api/v1/signals/${id}/approve`, undefined, as('alice'))).status).toBe(
      409,
    )
    const { rows } = await list('/api/v1/audit?action_type=signal_rejected', 'bob')
    expect(rows).toMatchObject([{ user_id: 'bob', entity_id: id }])
    const { body } = await service.call('GET', `/api/v1/signals/${id}/trace`)
    expect(body['decision']).toMatchObject({ status: 'REJECTED', user_id: 'bob' })
    expect((body['audit'] as Json[]).map(({ user_id }) => user_id)).toEqual(['alice', 'bob'])
  })

  it('lets nobody read the notices of another away', async () => {
    const { rows } = await list('/api/v1/notifications?limit=1', 'alice')
    const path = `/api/v1/notifications/${String(rows[0]['id'])}/read`
    expect((await service.call('POST', path, undefined, as('bob'))).status).toBe(404)
    expect((await service.call('POST', path)).status).toBe(401)
    expect((await service.call('POST', path, undefined, as('alice'))).status).toBe(200)
    expect((await list('/api/v1/notifications?read=true', 'alice')).total).toBe(1)
  })
})
