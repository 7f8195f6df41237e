import { createServer } from 'node:http'
import {
  Refused,
  type Batch,
  type Consumer,
  type Context,
  type Exporter,
  type Extension,
  type Lifecycle,
  type Receiver,
} from './component.ts'
import type { CheckedConfig, PipelineConfig } from './config/check-config.ts'
import { ConfigError } from './config/read-config.ts'
import { close, listen } from './listen.ts'
import { limited, type Log } from './log.ts'
import type { Signal } from './otlp/schema.ts'
import { Telemetry } from './telemetry.ts'

export interface SidecarOptions {
  readonly log: Log
  readonly dataDir?: string | undefined
  /** Sees every batch that a receiver hands over, before any processor; used by the viewer's store. */
  readonly tap?: ((batch: Batch) => void) | undefined
  readonly telemetry?: Telemetry
}

export interface Sidecar {
  readonly telemetry: Telemetry
  start(): Promise<void>
  /** Drains: receivers first, then what they fed, in the order of the flow. `deadline` is epoch ms. */
  shutdown(deadline: number): Promise<void>
  /** What listens where, by name. */
  readonly listening: Readonly<Record<string, string>>
}

/** Builds the pipelines of a configuration. Throws ConfigError when they cannot be joined. */
export function createSidecar(config: CheckedConfig, options: SidecarOptions): Sidecar {
  const telemetry = options.telemetry ?? new Telemetry()
  const extensions = new Map<string, Extension>()
  const contextOf = (id: string): Context => ({
    id,
    telemetry,
    log: options.log,
    dataDir: options.dataDir,
    extension: (id) => extensions.get(id),
  })
  for (const id of config.enabledExtensions) {
    const { factory, config: settings } = config.extensions.get(id)!
    extensions.set(id, factory.create(settings, contextOf(id)))
  }
  const receivers = new Map<string, Receiver>()
  const exporters = new Map<string, Exporter>()
  /** Processors and connectors, the ones nearest to the exporters first. */
  const flow: Lifecycle[] = []
  const exporterConsumers = new Map<string, Consumer>()
  const heads = new Map<string, Consumer>()
  const building = new Set<string>()

  const exporterOf = (id: string, signal: Signal): Consumer => {
    const key = `${signal} ${id}`
    let consumer = exporterConsumers.get(key)
    if (consumer === undefined) {
      const { factory, config: settings } = config.exporters.get(id)!
      let exporter = exporters.get(id)
      if (exporter === undefined) exporters.set(id, (exporter = factory.create(settings, contextOf(id))))
      consumer = exporter.countsItself
        ? exporter.consumer(signal)
        : counted(exporter.consumer(signal), id, signal, telemetry)
      exporterConsumers.set(key, consumer)
    }
    return consumer
  }

  const connectorConsumers = new Map<string, Consumer>()
  const connectorOf = (id: string, from: Signal): Consumer => {
    const key = `${from} ${id}`
    const known = connectorConsumers.get(key)
    if (known) return known
    const { factory, config: settings } = config.connectors.get(id)!
    const targets = config.pipelines.filter(
      (pipeline) =>
        pipeline.receivers.includes(id) &&
        factory.routes.some(([f, t]) => f === from && t === pipeline.signal),
    )
    if (targets.length === 0)
      throw new ConfigError(`connectors::${id}: no pipeline takes what it makes of ${from}`)
    const connector = factory.create(settings, contextOf(id), from, fanOut(targets.map(headOf)))
    flow.push(connector)
    connectorConsumers.set(key, connector)
    return connector
  }

  const headOf = (pipeline: PipelineConfig): Consumer => {
    const known = heads.get(pipeline.id)
    if (known) return known
    if (building.has(pipeline.id))
      throw new ConfigError(`service::pipelines::${pipeline.id}: feeds itself through a connector`)
    building.add(pipeline.id)
    let next = fanOut(
      pipeline.exporters.map((id) =>
        config.connectors.has(id) ? connectorOf(id, pipeline.signal) : exporterOf(id, pipeline.signal),
      ),
    )
    for (const id of [...pipeline.processors].reverse()) {
      const { factory, config: settings } = config.processors.get(id)!
      const context = { ...contextOf(id), pipeline: pipeline.id }
      const processor = factory.create(settings, context, pipeline.signal, next)
      flow.push(processor)
      next = processor
    }
    building.delete(pipeline.id)
    heads.set(pipeline.id, next)
    return next
  }

  for (const pipeline of config.pipelines) headOf(pipeline)
  const used = new Set(config.pipelines.flatMap((pipeline) => pipeline.receivers))
  for (const id of used) {
    const configured = config.receivers.get(id)
    if (!configured) continue
    const receiver = configured.factory.create(configured.config, contextOf(id))
    receivers.set(id, receiver)
    for (const signal of configured.factory.signals) {
      const fed = config.pipelines.filter(
        (pipeline) => pipeline.signal === signal && pipeline.receivers.includes(id),
      )
      if (fed.length > 0) receiver.connect(signal, tapped(fanOut(fed.map(headOf)), options))
    }
  }

  const metrics = createServer((request, response) => {
    const found = request.url?.split('?', 1)[0] === '/metrics'
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(found ? telemetry.text() : 'the metrics are at /metrics\n')
  })
  const listening: Record<string, string> = {}
  const parts = () => [...extensions.values(), ...exporters.values(), ...flow, ...receivers.values()]
  let stopped: Promise<void> | undefined

  return {
    telemetry,
    get listening() {
      for (const part of parts()) Object.assign(listening, (part as { listening?: object }).listening)
      return listening
    },
    async start() {
      if (config.metricsEndpoint)
        listening['own metrics'] =
          `http://${await listen(metrics, config.metricsEndpoint, 'own metrics')}/metrics`
      for (const part of parts()) await part.start?.()
      for (const extension of extensions.values()) extension.setReady?.(true)
    },
    shutdown(deadline) {
      stopped ??= (async () => {
        for (const extension of extensions.values()) extension.setReady?.(false)
        await Promise.all(
          [...receivers.values()].map((receiver) => receiver.shutdown?.(deadline) ?? Promise.resolve()),
        )
        for (const part of flow.toReversed()) await part.shutdown?.(deadline)
        await Promise.all(
          [...exporters.values()].map((exporter) => exporter.shutdown?.(deadline) ?? Promise.resolve()),
        )
        await close(metrics, deadline)
        await Promise.all(
          [...extensions.values()].map((extension) => extension.shutdown?.(deadline) ?? Promise.resolve()),
        )
      })()
      return stopped
    },
  }
}

/**
 * Gives a batch to each. One that has no room counts that itself and costs the others nothing; only when none
 * has room is the batch refused, so that its sender keeps it.
 */
function fanOut(consumers: readonly Consumer[]): Consumer {
  if (consumers.length === 1) return consumers[0]
  return {
    consume(batch) {
      let refused: Refused | undefined
      let taken = 0
      for (const consumer of consumers) {
        try {
          consumer.consume(batch)
          taken++
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          refused = error
        }
      }
      if (refused && taken === 0) throw refused
    },
  }
}

/** A store that cannot take a batch costs the pipelines nothing; it is said once in a while. */
function tapped(next: Consumer, { tap, log }: SidecarOptions): Consumer {
  if (tap === undefined) return next
  const warn = limited(log)
  return {
    consume(batch) {
      next.consume(batch)
      try {
        tap(batch)
      } catch (error) {
        warn('tap', `the viewer's store could not take a batch: ${(error as Error).message}`)
      }
    },
  }
}

const UNITS: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'metric_points',
  logs: 'log_records',
}

/** For a destination that takes a batch at once: what reached it is what it took and what it could not take. */
function counted(next: Consumer, exporter: string, signal: Signal, telemetry: Telemetry): Consumer {
  const counter = (what: string, help: string, labels = {}) =>
    telemetry.counter(`otelcol_exporter_${what}_${UNITS[signal]}_total`, help, { exporter, ...labels })
  const offered = counter('offered', `${signal} that reached this destination`)
  const sent = counter('sent', `${signal} that the destination has taken`)
  const failed = counter('enqueue_failed', `${signal} that the destination could not take`)
  return {
    consume(batch) {
      offered.value += batch.count
      try {
        next.consume(batch)
      } catch (error) {
        failed.value += batch.count
        throw error
      }
      sent.value += batch.count
    },
  }
}
