import { table } from '../format.ts'
import { checkPoint, demandOf, type Fleet, fleetFor, goal } from './foretell.ts'
import type { Measured, Operation } from './measured.ts'

const barsPerDay = 1_440
/** Share of traces that the tail policy keeps beside errors and stored signals (otel-collector.yaml). */
const sampledShare = 0.1
/** Spans per CPU second are shared by as many cores as a gateway has. */
const gatewayCores = 2

/** The answer of `npm run scale`, at most 80 columns wide. Each of `symbolsOf` is simulated, the largest for seconds. */
export function scaleReport(measured: Measured, symbolsOf = [10, 1_000, 100_000]): string {
  const { operations, point, environment, revision, createdAt } = measured
  const check = checkPoint(measured)
  const lines = [
    `Measured ${createdAt.slice(0, 10)}, ${environment.machineClass}, load ${environment.load}, ${revision.commit.slice(0, 10)}${revision.dirty ? ' with changes' : ''}`,
    '',
    'One operation: a new bar stored, its series analysed, findings stored',
    ...table([
      ['bars before it', 'service', 'PostgreSQL', 'waiting', 'one at a time'],
      ...operations.map((one) => {
        const { serviceMs, postgresMs, waitMs } = demandOf(one)
        const mean = serviceMs + postgresMs + waitMs
        return [
          grouped(one.history),
          ms(serviceMs),
          ms(postgresMs),
          ms(waitMs),
          `${(1000 / mean).toFixed(1)}/s`,
        ]
      }),
    ]),
    '',
    'This machine, foretold and measured',
    ...table([
      ['', 'foretold', 'measured', 'error'],
      [
        `operations/s, ${point.perSecond}/s arriving`,
        check.simulated.perSecond.toFixed(1),
        (point.done / point.seconds).toFixed(1),
        percent(check.perSecondError),
      ],
      ['p95', ms(check.simulated.p95Ms), ms(point.p95Ms), percent(check.p95Error)],
    ]),
    check.holds ? 'The model holds.' : 'The model MISSES the measured point.',
    '',
    ...oneMachine(measured),
    '',
    ...operations.flatMap((operation) => fleets(measured, operation, symbolsOf)),
  ]
  return `${lines.join('\n')}\n`
}

/** Cores of this machine shared by both: what it can do when all of them work. */
function capacity({ environment }: Measured, { serviceCpuMs, postgresCpuMs }: Operation): number {
  return Math.min(1000 / serviceCpuMs, (environment.cores * 1000) / (serviceCpuMs + postgresCpuMs))
}

function oneMachine(measured: Measured): string[] {
  const { operations, telemetry, backtestNsPerBar, sidecarNsPerSpan, environment } = measured
  const rows = operations.map((one) => {
    const perSecond = capacity(measured, one)
    return [
      `${grouped(one.history)} bars of history: operations/s`,
      `${perSecond.toFixed(0)} (${grouped(Math.floor(perSecond * 60))} symbols at 1m)`,
    ]
  })
  return [
    `This machine, all ${environment.cores} cores at work`,
    ...table([
      ['', ''],
      ...rows,
      ...operations.map((one) => [
        `${grouped(one.history)} bars of history: bars a day`,
        grouped(Math.floor(capacity(measured, one) * 86_400)),
      ]),
      ['backtests of 10,000 bars/s, per core', (1e9 / (backtestNsPerBar * 10_000)).toFixed(0)],
      ['spans/s through the sidecar, per core', grouped(Math.floor(1e9 / sidecarNsPerSpan))],
      ['spans an operation', telemetry.spansPerOperation.toFixed(1)],
    ]).slice(1),
  ]
}

function fleets(measured: Measured, operation: Operation, symbolsOf: readonly number[]): string[] {
  const demand = demandOf(operation)
  const found = symbolsOf.map((symbols) => fleetFor(symbols, demand))
  const row = (name: string, of: (fleet: Fleet) => string): string[] => [name, ...found.map(of)]
  return [
    `Bars of one minute, ${grouped(operation.history)} bars of history: all arrive within ${goal.arriveWithinMs / 1000} s,`,
    `the last is stored within ${goal.storedWithinMs / 1000} s`,
    ...table([
      row('symbols', ({ symbols }) => grouped(symbols)),
      row('service processes, one core each', ({ services }) => grouped(services)),
      row('PostgreSQL machines of 8 cores', ({ shards }) => grouped(shards)),
      row('p95 from arrival until stored', ({ simulated }) => seconds(simulated.p95Ms)),
      row('the last of a minute', ({ simulated }) => seconds(simulated.lastMs)),
      row('bars a day', ({ symbols }) => grouped(symbols * barsPerDay)),
      row('bars stored a day', ({ symbols }) =>
        size(symbols * barsPerDay * measured.bytesPerRow['ohlcv_bars']),
      ),
      row('findings stored a day', ({ symbols }) =>
        size(symbols * barsPerDay * findingBytesPerBar(measured)),
      ),
      row('partitions of bars a year, of 1 month', ({ shards }) => grouped(12 * shards)),
      row('spans/s', ({ symbols }) => grouped((symbols / 60) * measured.telemetry.spansPerOperation)),
      row('gateways of 2 cores', ({ symbols }) => grouped(gateways(measured, symbols))),
      row('trace storage a day, 1 in 10, gzip', ({ symbols }) =>
        size(
          symbols *
            barsPerDay *
            measured.telemetry.spansPerOperation *
            measured.telemetry.gzipBytesPerSpan *
            sampledShare,
        ),
      ),
      row('Prometheus series', (fleet) => grouped(prometheusSeries(measured, fleet))),
    ]),
    '',
  ]
}

/** Rows besides bars that a bar leads to, as often as the generator plants them: twice what real bars hold. */
function findingBytesPerBar({ bytesPerRow, rowsPer1000Bars }: Measured): number {
  return Object.entries(rowsPer1000Bars)
    .filter(([table]) => table !== 'ohlcv_bars')
    .reduce((sum, [table, rows]) => sum + (rows / 1000) * bytesPerRow[table], 0)
}

function gateways({ telemetry, sidecarNsPerSpan }: Measured, symbols: number): number {
  const perSecond = (symbols / 60) * telemetry.spansPerOperation
  // Half of its cores, so that one that fails can be borne by the others.
  return Math.max(1, Math.ceil((perSecond * sidecarNsPerSpan) / 1e9 / (gatewayCores / 2)))
}

/** Symbols beyond the cap of a process share one label. Symbols stay with their process. */
function prometheusSeries({ telemetry }: Measured, { symbols, services }: Fleet): number {
  const perProcess = Math.min(500, Math.ceil(symbols / services))
  return services * (telemetry.seriesWithoutSymbol + perProcess * telemetry.seriesPerSymbol)
}

function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}

function seconds(value: number): string {
  return `${(value / 1000).toFixed(2)} s`
}

function percent(fraction: number): string {
  return `${fraction < 0 ? '' : '+'}${(fraction * 100).toFixed(0)} %`
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let place = 0
  let value = bytes
  for (; value >= 1000 && place < units.length - 1; place++) value /= 1000
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[place]}`
}
