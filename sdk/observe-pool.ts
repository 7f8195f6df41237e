import { bindGauge } from './instruments.ts'
import { processStore, type MetricStore } from './metric-store.ts'

/** What is read of a pool; `Pool` of `pg` has it. */
export interface PoolShape {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
}

const pools = new WeakMap<MetricStore, Map<string, Set<PoolShape>>>()

/**
 * Shows a connection pool as `database_pool_connections{pool,state}`, read at each collection. Pools of different
 * names stay apart, those of one name are added up. Answers with the function that ends it.
 */
export function observePool(name: string, pool: PoolShape, store: MetricStore = processStore): () => void {
  let named = pools.get(store)
  if (named === undefined) pools.set(store, (named = new Map()))
  let same = named.get(name)
  if (same === undefined) {
    const members = (same = new Set<PoolShape>())
    named.set(name, members)
    store.onCollect(() => {
      const sum = (read: (one: PoolShape) => number): number =>
        [...members].reduce((total, one) => total + read(one), 0)
      bindGauge('database_pool_connections', { pool: name, state: 'idle' }, store).set(
        sum(({ idleCount }) => idleCount),
      )
      bindGauge('database_pool_connections', { pool: name, state: 'used' }, store).set(
        sum(({ totalCount, idleCount }) => totalCount - idleCount),
      )
      bindGauge('database_pool_connections', { pool: name, state: 'waiting' }, store).set(
        sum(({ waitingCount }) => waitingCount),
      )
    })
  }
  const members = same
  members.add(pool)
  return () => void members.delete(pool)
}
