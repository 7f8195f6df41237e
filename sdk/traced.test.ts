/* oxlint-disable unicorn/no-thenable -- thenables are what is tested */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { keepSpans } from './fixtures/keep-spans.ts'
import { traced } from './traced.ts'
import { withSpan } from './with-span.ts'

const memory = keepSpans()

const ended = () => memory.getFinishedSpans().map(({ name, attributes }) => [name, attributes['error.type']])

it('keeps a synchronous function synchronous, with its this, name and length', () => {
  const desk = {
    fee: 2,
    cost: traced('cost', function cost(this: { fee: number }, price: number) {
      return price + this.fee
    }),
  }
  expect(desk.cost(3)).toBe(5)
  expect([desk.cost.name, desk.cost.length]).toEqual(['cost', 1])
  expect(ended()).toEqual([['cost', undefined]])
})

it('throws on what was thrown, and says its type', async () => {
  const error = new RangeError('no')
  const fail = (): never => {
    throw error
  }
  expect(() => traced('sync', fail)()).toThrow(error)
  await expect(withSpan('async', async () => fail())).rejects.toBe(error)
  expect(ended()).toEqual([
    ['sync', 'RangeError'],
    ['async', 'RangeError'],
  ])
})

it('spans a generator until it is used up or left', () => {
  const count = traced('count', function* () {
    yield 1
    yield 2
  })
  expect([...count()]).toEqual([1, 2])
  for (const one of count()) if (one === 1) break
  expect(ended()).toEqual([
    ['count', undefined],
    ['count', undefined],
  ])
})

it('spans an async generator, and is the parent of what a step starts', async () => {
  const ticks = traced('ticks', async function* () {
    yield withSpan('tick', () => 1)
    throw new TypeError('feed is gone')
  })
  const seen: number[] = []
  await expect(
    (async () => {
      for await (const tick of ticks()) seen.push(tick)
    })(),
  ).rejects.toThrow('feed is gone')
  expect(seen).toEqual([1])
  const [tick, whole] = memory.getFinishedSpans()
  expect(tick.parentSpanContext?.spanId).toBe(whole.spanContext().spanId)
  expect(whole.attributes['error.type']).toBe('TypeError')
})

it('spans iterators that are no generators, synchronous or not, and those that a promise brings', async () => {
  class Feed {
    #left = 2
    next() {
      return Promise.resolve({ done: this.#left === 0, value: this.#left-- })
    }
    [Symbol.asyncIterator]() {
      return this
    }
    size() {
      return this.#left
    }
  }
  const feed = new Feed()
  const given = traced('feed', () => feed)()
  expect(given).toBe(feed)
  expect([given.size(), ended()]).toEqual([2, []])
  const seen: number[] = []
  for await (const one of given) seen.push(one)
  expect([seen, ended()]).toEqual([[2, 1], [['feed', undefined]]])
  await feed.next()
  expect(ended().length).toBe(1)
  const later = await withSpan('later', async () => new Map([['a', 1]]).keys())
  expect(ended().length).toBe(1)
  expect([...later]).toEqual(['a'])
  const doubled = traced('mapped', function* () {
    yield 1
  })().map((one) => one * 2)
  expect([...doubled]).toEqual([2])
  expect(ended().map(([name]) => name)).toEqual(['feed', 'later', 'mapped'])
})

it('runs the clean-up of a generator that is left, within its span', () => {
  const read = traced('read', function* () {
    try {
      yield 1
      yield 2
    } finally {
      withSpan('close', () => undefined)
    }
  })
  const [first] = read()
  expect(first).toBe(1)
  const never = read()
  expect(never.return(undefined)).toEqual({ done: true, value: undefined })
  const [close, whole, unread] = memory.getFinishedSpans()
  expect([close, whole, unread].map(({ name }) => name)).toEqual(['close', 'read', 'read'])
  expect(close.parentSpanContext?.spanId).toBe(whole.spanContext().spanId)
})

it('ends the span of what nobody can reach any more', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const count = traced('forgotten', function* () {
    yield 1
    yield 2
  })
  const start = (): void => {
    count().next()
    withSpan('never awaited', () => lazy(1).query)
  }
  start()
  expect(ended()).toEqual([])
  for (let turns = 0; turns < 1000 && ended().length < 2; turns++) {
    collect()
    // oxlint-disable-next-line no-await-in-loop -- finalisers run between turns of the event loop
    await turn()
  }
  const names = ended().map(([name]) => name)
  expect(names.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual(['forgotten', 'never awaited'])
})

/** A query that runs each time somebody awaits it, as query builders do. */
function lazy<T>(answer: T): { query: PromiseLike<T>; runs: () => number } {
  let runs = 0
  const query: PromiseLike<T> = {
    then(fulfilled, rejected) {
      runs++
      const done = answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      return done.then(fulfilled, rejected)
    },
  }
  return { query, runs: () => runs }
}

it('keeps the span of a thenable until it settles, and does not run it', async () => {
  const { query, runs } = lazy(5)
  const select = traced('select', () => query)
  const given = select()
  expect(given).toBe(query)
  await turn()
  expect([runs(), ended()]).toEqual([0, []])
  expect(await given).toBe(5)
  expect([runs(), ended()]).toEqual([1, [['select', undefined]]])
  expect(await given).toBe(5)
  expect([runs(), ended().length]).toEqual([2, 1])
  const failing = lazy(new RangeError('no'))
  await expect(withSpan('fails', () => failing.query)).rejects.toThrow('no')
  expect(ended().at(-1)).toEqual(['fails', 'RangeError'])
})

it('does without a thenable that is frozen and one whose then throws', () => {
  const frozen = Object.freeze(lazy(1).query)
  const hostile = Object.defineProperty({}, 'then', {
    get: () => {
      throw new Error('no')
    },
  })
  expect(withSpan('frozen', () => frozen)).toBe(frozen)
  expect(withSpan('hostile', () => hostile)).toBe(hostile)
  expect(ended().map(([name]) => name)).toEqual(['frozen', 'hostile'])
})

it('nests children within their parent to the nanosecond', () => {
  const nanos = ([seconds, rest]: [number, number]): bigint => BigInt(seconds) * 1_000_000_000n + BigInt(rest)
  for (let i = 0; i < 200; i++) withSpan('outer', () => withSpan('inner', () => i))
  const spans = memory.getFinishedSpans()
  for (let i = 0; i < spans.length; i += 2) {
    expect(nanos(spans[i].startTime) >= nanos(spans[i + 1].startTime)).toBe(true)
    expect(nanos(spans[i].endTime) <= nanos(spans[i + 1].endTime)).toBe(true)
  }
})
