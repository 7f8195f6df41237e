import { BroadcastChannel, threadId } from 'node:worker_threads'
import type { Exemplar } from './exemplars.ts'
import type { Labels, MetricDefinition } from './metric-definition.ts'
import type { MetricStore, Series } from './metric-store.ts'

/**
 * How the threads of a process count into one place. Each thread writes series of its own, which lie in shared memory;
 * it tells the main thread where, once per series, and the main thread adds them up when it is read. A thread that works
 * without a pause, or has ended, is read all the same.
 */
const channelName = 'tapescope.metrics.1'

type Message =
  | { readonly kind: 'series'; readonly thread: number; readonly part: SharedPart }
  | {
      readonly kind: 'exemplar'
      readonly thread: number
      readonly key: string
      readonly bucket: number
      readonly exemplar: Exemplar
    }
  /** The thread ends: its gauges mean nothing any more, its counts stay. */
  | { readonly kind: 'ended'; readonly thread: number }
  /** The main thread has begun to listen, after the thread: tell everything again. */
  | { readonly kind: 'listening' }

interface SharedPart {
  readonly definition: MetricDefinition
  readonly key: string
  readonly labels: Labels
  readonly slots: Float64Array
}

/** In a thread: shows the series of its store to the main thread. */
export function shareSeries(store: MetricStore): void {
  const channel = new BroadcastChannel(channelName)
  const thread = threadId
  const post = (message: Message): void => send(channel, message)
  const show = (definition: MetricDefinition, key: string, { labels, slots }: Series): void =>
    post({
      kind: 'series',
      thread,
      part: { definition: plain(definition), key: `${definition.name} ${key}`, labels, slots },
    })
  store.listen({
    seriesMade: show,
    exemplarKept: (definition, key, bucket, exemplar) =>
      post({ kind: 'exemplar', thread, key: `${definition.name} ${key}`, bucket, exemplar }),
  })
  hear(channel, ({ kind }) => {
    if (kind === 'listening') store.eachSeries(show)
  })
  channel.unref()
  process.once('exit', () => post({ kind: 'ended', thread }))
}

/**
 * In the main thread: adds the series of all threads to those of the store. What the gauges of a thread said last is
 * shown on when it is killed (`terminate`); one that ends takes them with it.
 */
export function gatherThreads(store: MetricStore): void {
  const channel = new BroadcastChannel(channelName)
  /** Series of the store to which a thread's series was added, by thread and key. */
  const joined = new Map<
    number,
    Map<string, { readonly series: Series; readonly part: Float64Array; readonly gauge: boolean }>
  >()

  function join(thread: number, { definition, key, labels, slots }: SharedPart): void {
    let ofThread = joined.get(thread)
    if (ofThread === undefined) joined.set(thread, (ofThread = new Map()))
    if (ofThread.has(key)) return
    const series = store.series(store.family(definition), labels)
    series.parts.push(slots)
    ofThread.set(key, { series, part: slots, gauge: definition.kind === 'gauge' })
  }

  function leave(thread: number): void {
    for (const { series, part, gauge } of joined.get(thread)?.values() ?? []) {
      series.parts.splice(series.parts.indexOf(part), 1)
      if (!gauge) for (const [slot, value] of part.entries()) series.slots[slot] += value
    }
    joined.delete(thread)
  }

  hear(channel, (data) => {
    try {
      if (data.kind === 'series') join(data.thread, data.part)
      else if (data.kind === 'ended') leave(data.thread)
      else if (data.kind === 'exemplar') {
        const { series } = joined.get(data.thread)?.get(data.key) ?? {}
        if (series !== undefined) series.exemplars[data.bucket] = data.exemplar
      }
    } catch {
      // Two versions of the package declare a metric differently: the thread's part cannot be added.
      store.misuse('thread_series_refused')
    }
  })
  channel.unref()
  send(channel, { kind: 'listening' })
}

/** A definition may carry what cannot be sent to another thread; these are all that count. */
const plain = ({
  name,
  kind,
  unit,
  description,
  labels,
  boundaries,
  exemplars,
}: MetricDefinition): MetricDefinition => ({
  name,
  kind,
  unit,
  description,
  labels: [...labels],
  ...(boundaries !== undefined && { boundaries: [...boundaries] }),
  ...(exemplars !== undefined && { exemplars }),
})

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
const send = (channel: BroadcastChannel, message: Message): void => channel.postMessage(message)

function hear(channel: BroadcastChannel, act: (message: Message) => void): void {
  const listener = (event: unknown): void => act((event as { data: Message }).data)
  ;(channel as unknown as EventTarget).addEventListener('message', listener)
}
