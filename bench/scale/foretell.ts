import { config } from '../config.ts'
import { databaseDefaults } from '../../service/database.ts'
import type { Measured, Operation } from './measured.ts'
import { burstArrivals, type Demand, poissonArrivals, type Simulated, simulate } from './simulate.ts'

/** How far the model may lie from the measured point: of its throughput, and of its p95. */
export const tolerance = { perSecond: 0.1, p95: 0.5 } as const

export function demandOf({ wallMs, serviceCpuMs, postgresCpuMs }: Operation): Demand {
  const mean = wallMs.reduce((sum, ms) => sum + ms, 0) / wallMs.length
  return {
    serviceMs: serviceCpuMs,
    postgresMs: postgresCpuMs,
    waitMs: Math.max(0, mean - serviceCpuMs - postgresCpuMs),
    spread: wallMs,
  }
}

export interface Check {
  readonly simulated: Simulated
  /** Simulated / measured - 1. */
  readonly perSecondError: number
  readonly p95Error: number
  readonly holds: boolean
}

/** The measured point, foretold: the same machine, the same arrivals. */
export function checkPoint({ operations, point, environment }: Measured): Check {
  const operation = operations.find(({ history }) => history === point.history)
  if (operation === undefined)
    throw new Error(`no operation with ${point.history} bars before it was measured`)
  const simulated = simulate(
    poissonArrivals(point.perSecond, point.seconds, config.seed),
    demandOf(operation),
    {
      services: 1,
      connections: databaseDefaults.maxConnections,
      shards: 1,
      coresPerShard: environment.cores,
      sharedCores: environment.cores,
    },
    config.seed,
  )
  const perSecondError = simulated.perSecond / (point.done / point.seconds) - 1
  const p95Error = simulated.p95Ms / point.p95Ms - 1
  const holds = Math.abs(perSecondError) <= tolerance.perSecond && Math.abs(p95Error) <= tolerance.p95
  return { simulated, perSecondError, p95Error, holds }
}

/** What a fleet is to keep: all symbols' bars end at once and arrive within so long; the last is stored by so long after. */
export const goal = { arriveWithinMs: 5_000, storedWithinMs: 30_000 } as const
/** Cores of one machine of PostgreSQL, of which each works through its own symbols. */
const coresPerShard = 8

export interface Fleet {
  readonly symbols: number
  readonly services: number
  readonly shards: number
  readonly simulated: Simulated
}

/** The smallest fleet that the simulation lets keep the goal; shards and services grow by what is busier. */
export function fleetFor(symbols: number, demand: Demand): Fleet {
  const arrivals = burstArrivals(symbols, goal.arriveWithinMs)
  const least = (perOperation: number, perMachine: number): number =>
    Math.max(1, Math.floor((symbols * perOperation) / (goal.storedWithinMs * perMachine)))
  let services = least(demand.serviceMs, 1)
  let shards = least(demand.postgresMs, coresPerShard)
  for (;;) {
    const machines = { services, connections: databaseDefaults.maxConnections, shards, coresPerShard }
    const simulated = simulate(arrivals, demand, machines, config.seed)
    if (simulated.lastMs <= goal.storedWithinMs) return { symbols, services, shards, simulated }
    const busyService = demand.serviceMs / services
    const busyShard = demand.postgresMs / (shards * coresPerShard)
    if (busyService >= busyShard) services = Math.ceil(services * 1.05)
    else shards = Math.ceil(shards * 1.05)
  }
}
