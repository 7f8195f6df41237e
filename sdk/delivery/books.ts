import { diag } from '@opentelemetry/api'
import { bindCounter } from '../instruments.ts'
import type { MetricStore } from '../metric-store.ts'
import type { Books } from './delivery-queue.ts'

const metrics = {
  spans: [
    'tapescope_spans_created_total',
    'tapescope_spans_delivered_total',
    'tapescope_spans_dropped_total',
  ],
  log_records: [
    'tapescope_log_records_created_total',
    'tapescope_log_records_delivered_total',
    'tapescope_log_records_dropped_total',
  ],
} as const

const quietMs = 60_000

/**
 * Books in the metrics of `store`: created = delivered + dropped + waiting, at any time. The first loss of each kind
 * in a minute is also told to OpenTelemetry's diagnostic logger.
 */
export function keepBooks(signal: keyof typeof metrics, store: MetricStore): Books & { lost(): number } {
  const [createdName, deliveredName, droppedName] = metrics[signal]
  const created = bindCounter(createdName, {}, store)
  const delivered = bindCounter(deliveredName, {}, store)
  const told = new Map<string, number>()
  let lost = 0
  return {
    lost: () => lost,
    created: (items) => created.add(items),
    delivered: (items) => delivered.add(items),
    dropped(items, reason, why) {
      if (items === 0) return
      lost += items
      bindCounter(droppedName, { reason }, store).add(items)
      const now = Date.now()
      if (now - (told.get(reason) ?? -Infinity) < quietMs) return
      told.set(reason, now)
      const name = signal === 'spans' ? 'spans' : 'log records'
      diag.warn(`tapescope: ${items} ${name} dropped: ${reason}${why === undefined ? '' : ` (${why})`}`)
    },
  }
}
