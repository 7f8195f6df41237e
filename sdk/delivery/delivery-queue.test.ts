import * as fc from 'fast-check'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DeliveryQueue, type Books, type DropReason } from './delivery-queue.ts'
import { readRetryAfter, type Answer } from './otlp-sender.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Ledger extends Books {
  readonly sums: { delivered: number; dropped: number }
  readonly reasons: Map<DropReason, number>
}

function ledger(): Ledger {
  const sums = { delivered: 0, dropped: 0 }
  const reasons = new Map<DropReason, number>()
  return {
    sums,
    reasons,
    created: () => {},
    delivered: (items) => void (sums.delivered += items),
    dropped(items, reason) {
      sums.dropped += items
      reasons.set(reason, (reasons.get(reason) ?? 0) + items)
    },
  }
}

const taken: Answer = { kind: 'delivered', body: new Uint8Array() }
const later: Answer = { kind: 'later', why: 'HTTP 503' }
const answers: Answer[] = [
  taken,
  later,
  { kind: 'later', why: 'HTTP 429', afterMs: 3000 },
  { kind: 'later', why: 'ECONNREFUSED', nobody: true },
  { kind: 'refused', why: 'HTTP 400' },
]

/** Lets promises and Node's gzip threads come through. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('delivers or refuses each batch exactly once, whatever the backend answers, and flush waits for that', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...answers), { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
      fc.constantFrom('auto' as const, 'gzip' as const, 'none' as const),
      async (script, sizes, compression) => {
        const books = ledger()
        const settled: number[] = []
        let request = 0
        const queue = new DeliveryQueue({
          books,
          compression,
          random: () => 0.5,
          send: async (body, gzip) => {
            expect(gzip && compression === 'none').toBe(false)
            const answer = script[request++] ?? taken
            await breathe()
            if (answer.kind !== 'later') settled.push((gzip ? gunzipSync(body) : body)[0])
            return answer
          },
        })
        for (const [i, items] of sizes.entries()) queue.add(new Uint8Array(200).fill(i), items)
        const all = sizes.reduce((sum, items) => sum + items, 0)
        const flushed = queue.flush()
        // Time goes on until the last retry has had its turn.
        const clock = { running: true }
        const goOn = async (): Promise<void> => {
          while (clock.running) {
            await breathe()
            await vi.advanceTimersByTimeAsync(200)
          }
        }
        const going = goOn()
        await flushed
        clock.running = false
        await going
        expect(settled.toSorted((a, b) => a - b)).toEqual(sizes.map((_, i) => i))
        expect(books.sums.delivered + books.sums.dropped).toBe(all)
        expect(queue.pending).toBe(0)
      },
    ),
    { numRuns: 60 },
  )
})

describe('while a backend is down', () => {
  it('tries one batch at a time, ever more rarely', async () => {
    const times: number[] = []
    const began = Date.now()
    const queue = new DeliveryQueue({
      books: ledger(),
      random: () => 1,
      send: async () => {
        times.push(Date.now() - began)
        return later
      },
    })
    for (let i = 0; i < 100; i++) queue.add(new Uint8Array(10), 1)
    await vi.advanceTimersByTimeAsync(30_000)
    // Four were on their way when it went down; then alone, after 250 ms, 500, 1000 … 5000.
    expect(times.slice(0, 4)).toEqual([0, 0, 0, 0])
    const gaps = times.slice(4).map((time, i) => time - times[i + 3])
    expect(gaps.slice(0, 8)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000])
  })

  it('waits as long as the backend asks, also at shutdown, but no longer than five minutes', async () => {
    for (const [afterMs, waits] of [
      [20_000, 20_000],
      [86_400_000, 300_000],
    ] as const) {
      let sent = 0
      const queue = new DeliveryQueue({
        books: ledger(),
        send: async () => (sent++ === 0 ? { kind: 'later', why: 'HTTP 429', afterMs } : taken),
      })
      queue.add(new Uint8Array(10), 1)
      await breathe()
      queue.close()
      await vi.advanceTimersByTimeAsync(waits - 1)
      expect(sent).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(sent).toBe(2)
    }
  })

  it('keeps within its bytes, drops the newest, and counts them', async () => {
    const books = ledger()
    const queue = new DeliveryQueue({ books, maxBytes: 10_000, send: async () => later })
    const noise = (): Uint8Array => crypto.getRandomValues(new Uint8Array(1000))
    for (let i = 0; i < 50; i++) {
      queue.add(noise(), 10)
      await breathe()
    }
    expect(queue.pending + books.sums.dropped).toBe(500)
    expect(queue.pending).toBeGreaterThanOrEqual(80)
    expect(queue.pending).toBeLessThanOrEqual(110)
    expect([...books.reasons.keys()]).toEqual(['queue_full'])
    queue.abandon('shutdown_deadline')
    expect(books.sums.dropped).toBe(500)
    expect(queue.pending).toBe(0)
  })

  it('goes on after it was given up', async () => {
    let up = false
    const books = ledger()
    const queue = new DeliveryQueue({ books, send: async () => (up ? taken : later) })
    queue.add(new Uint8Array(10), 1)
    await breathe()
    queue.abandon('shutdown_deadline')
    up = true
    queue.add(new Uint8Array(10), 5)
    await queue.flush()
    expect(books.sums).toEqual({ delivered: 5, dropped: 1 })
  })
})

it('flushes what is there, not what comes meanwhile', async () => {
  const pending: (() => void)[] = []
  const queue = new DeliveryQueue({
    books: ledger(),
    send: () => new Promise((resolve) => pending.push(() => resolve(taken))),
  })
  queue.add(new Uint8Array(1), 1)
  const flushed = queue.flush()
  queue.add(new Uint8Array(1), 1)
  pending[0]()
  await flushed
  expect(queue.pending).toBe(1)
})

it('reads Retry-After as seconds and as a date, and nothing else', () => {
  const now = Date.UTC(2026, 0, 1)
  expect(readRetryAfter('20', now)).toBe(20_000)
  expect(readRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000)
  expect(readRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0)
  for (const odd of [undefined, '', '-1', '1.5', 'soon', '9'.repeat(30)])
    expect(readRetryAfter(odd, now)).toBeUndefined()
})
