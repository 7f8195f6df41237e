import type { Health as Answer } from '../api.ts'
import { count } from '../format.ts'
import { Show, useGet } from '../load.tsx'

/** The sidecar about itself: received, refused, dropped, queued, kept. */
export function Health() {
  const health = useGet<Answer>('/api/health', 2000)
  return (
    <section>
      <div class="bar">
        <h1>Health of the sidecar</h1>
      </div>
      <Show of={health}>
        {({ metrics, store }) => {
          const sum = (pattern: RegExp): number =>
            metrics.reduce((total, { name, value }) => total + (pattern.test(name) ? value : 0), 0)
          const tiles = [
            ['Spans received', count(sum(/receiver_accepted_spans/))],
            ['Spans refused', count(sum(/receiver_refused_spans/))],
            ['Spans sent on', count(sum(/exporter_sent_spans/))],
            ['Sending failed', count(sum(/exporter_send_failed_spans/))],
            ['Queued', count(sum(/exporter_queue_size/))],
            ['In the store', `${(store.bytes / 2 ** 20).toFixed(1)} MiB`],
          ]
          return (
            <>
              <div class="tiles">
                {tiles.map(([label, value]) => (
                  <div class="card" key={label}>
                    <span class="quiet">{label}</span>
                    <b>{value}</b>
                  </div>
                ))}
              </div>
              <div class="scroll" tabIndex={0} role="region" aria-label="Metrics of the sidecar">
                <table class="list">
                  <thead>
                    <tr>
                      <th>Metric</th>
                      <th class="number">Value</th>
                    </tr>
                  </thead>
                  <tbody>
                    {metrics.map(({ name, labels, value }) => (
                      <tr key={name + JSON.stringify(labels)}>
                        <td class="wide">
                          <code>{name}</code> <span class="quiet">{Object.values(labels).join(' ')}</span>
                        </td>
                        <td class="number">{value.toLocaleString('en', { maximumFractionDigits: 2 })}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          )
        }}
      </Show>
    </section>
  )
}
