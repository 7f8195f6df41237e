import { seededRandom } from '../../engine/generator-random.ts'
import { ascending, quantile } from '../statistics.ts'

/** What one operation needs, mean ms. */
export interface Demand {
  readonly serviceMs: number
  readonly postgresMs: number
  /** Waiting that uses no core: disk, network, turns of the event loop. */
  readonly waitMs: number
  /** Single times of whole operations, from which the spread is taken. */
  readonly spread: readonly number[]
}

interface Machines {
  /** Service processes; each works on one operation's slice at a time. */
  readonly services: number
  /** Connections of each service process: so many operations of it are with PostgreSQL at a time. */
  readonly connections: number
  /** Shards of PostgreSQL; a symbol belongs to one. */
  readonly shards: number
  readonly coresPerShard: number
  /** When services and PostgreSQL share one machine: its cores. */
  readonly sharedCores?: number
}

export interface Simulated {
  readonly done: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** From the first arrival until the last operation was done. */
  readonly lastMs: number
  /** Operations per second over that time. */
  readonly perSecond: number
}

/** Turns that an operation takes between service and PostgreSQL: it sends some ten statements one after another. */
const turns = 10

interface Job {
  readonly arrived: number
  readonly service: number
  readonly shard: number
  readonly factor: number
  turn: number
}

type Stage = (job: Job) => void

/**
 * A discrete-event simulation of new bars that go through service processes and shards of PostgreSQL: `arrivals` are
 * times in ms. Each operation takes ten turns of a slice in its process (one at a time), then a slice in its shard
 * (as many at a time as cores) and a wait that uses no core. Cores, when shared, are first come, first served.
 */
export function simulate(
  arrivals: readonly number[],
  demand: Demand,
  machines: Machines,
  seed: number,
): Simulated {
  const random = seededRandom(seed)
  const mean = demand.spread.reduce((sum, ms) => sum + ms, 0) / demand.spread.length
  const events = new EventQueue()
  const { services, connections, shards, coresPerShard, sharedCores } = machines
  const cores = sharedCores === undefined ? undefined : new Station(events, sharedCores)
  const loops = Array.from({ length: services }, () => new Station(events, 1, cores))
  const pools = Array.from({ length: services }, () => new Gate(connections))
  const databases = Array.from({ length: shards }, () => new Station(events, coresPerShard, cores))
  const latencies: number[] = []
  let lastMs = 0

  const serve: Stage = (job) => {
    loops[job.service].take((demand.serviceMs * job.factor) / turns, () => query(job))
  }
  const query: Stage = (job) => {
    const ms = (demand.postgresMs * job.factor) / turns
    databases[job.shard].take(ms, () => events.after((demand.waitMs * job.factor) / turns, () => next(job)))
  }
  const next: Stage = (job) => {
    if (++job.turn < turns) return serve(job)
    latencies.push(events.now - job.arrived)
    lastMs = events.now
    pools[job.service].leave()
  }
  for (const [k, at] of arrivals.entries()) {
    const job: Job = {
      arrived: at,
      service: k % services,
      shard: k % shards,
      factor: demand.spread[Math.floor(random.next() * demand.spread.length)] / mean,
      turn: 0,
    }
    events.at(at, () => pools[job.service].enter(() => serve(job)))
  }
  events.run()
  const sorted = ascending(latencies)
  const first = arrivals.length === 0 ? 0 : Math.min(arrivals[0], arrivals.at(-1)!)
  return {
    done: latencies.length,
    p50Ms: quantile(sorted, 0.5),
    p95Ms: quantile(sorted, 0.95),
    p99Ms: quantile(sorted, 0.99),
    lastMs: lastMs - first,
    perSecond: (latencies.length / (lastMs - first)) * 1000,
  }
}

/** Times of a Poisson process, ms. */
export function poissonArrivals(perSecond: number, seconds: number, seed: number): number[] {
  const random = seededRandom(seed)
  const times: number[] = []
  for (let at = 0; ;) {
    at += (-Math.log(1 - random.next()) / perSecond) * 1000
    if (at > seconds * 1000) return times
    times.push(at)
  }
}

/** Bars of `symbols` that all end at the same moment and arrive evenly over `withinMs`. */
export function burstArrivals(symbols: number, withinMs: number): number[] {
  return Array.from({ length: symbols }, (_, k) => (k * withinMs) / symbols)
}

/** Serves so many at a time, first come, first served; when it has a `core` it takes one of those for each, too. */
class Station {
  private readonly events: EventQueue
  private readonly core: Station | undefined
  private free: number
  private readonly waiting: { ms: number; done: () => void }[] = []
  private head = 0

  constructor(events: EventQueue, servers: number, core?: Station) {
    this.events = events
    this.free = servers
    this.core = core
  }

  take(ms: number, done: () => void): void {
    if (this.free === 0) {
      this.waiting.push({ ms, done })
      return
    }
    this.free--
    this.begin(ms, done)
  }

  private begin(ms: number, done: () => void): void {
    const end = (): void => {
      const next = this.waiting[this.head]
      if (next === undefined) this.free++
      else {
        this.head++
        if (this.head > 1_000 && this.head * 2 > this.waiting.length) {
          this.waiting.splice(0, this.head)
          this.head = 0
        }
        this.begin(next.ms, next.done)
      }
      done()
    }
    if (this.core === undefined) this.events.after(ms, end)
    else this.core.take(ms, end)
  }
}

/** Lets so many in at a time. */
class Gate {
  private free: number
  private readonly waiting: (() => void)[] = []
  private head = 0

  constructor(places: number) {
    this.free = places
  }

  enter(work: () => void): void {
    if (this.free === 0) this.waiting.push(work)
    else {
      this.free--
      work()
    }
  }

  leave(): void {
    const next = this.waiting[this.head]
    if (next === undefined) this.free++
    else {
      this.head++
      next()
    }
  }
}

/** Earliest first; equal times in the order in which they were planned. */
class EventQueue {
  now = 0
  private readonly heap: { at: number; order: number; work: () => void }[] = []
  private planned = 0

  after(ms: number, work: () => void): void {
    this.at(this.now + ms, work)
  }

  at(at: number, work: () => void): void {
    const { heap } = this
    const one = { at, order: this.planned++, work }
    let place = heap.push(one) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!before(one, heap[above])) break
      heap[place] = heap[above]
      place = above
    }
    heap[place] = one
  }

  run(): void {
    const { heap } = this
    while (heap.length > 0) {
      const first = heap[0]
      const last = heap.pop()!
      if (heap.length > 0) this.sink(last)
      this.now = first.at
      first.work()
    }
  }

  private sink(one: { at: number; order: number; work: () => void }): void {
    const { heap } = this
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++
      if (!before(heap[child], one)) break
      heap[place] = heap[child]
      place = child
    }
    heap[place] = one
  }
}

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
