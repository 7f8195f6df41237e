export type Labels = Readonly<Record<string, string>>

/** A number that only rises. Adding to it is one property write. */
interface Counter {
  value: number
}

interface Family {
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly series: Map<string, { readonly labels: Labels; readonly read: () => number }>
}

/** The sidecar's own metrics, under the Collector's names where the Collector has the same number. */
export class Telemetry {
  private readonly families = new Map<string, Family>()

  constructor() {
    const gauge = (name: string, help: string, read: () => number) =>
      this.register(name, name.endsWith('_total') ? 'counter' : 'gauge', help, {}, read)
    gauge('otelcol_process_cpu_seconds_total', 'CPU time of the process, user and system', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    gauge('otelcol_process_memory_rss_bytes', 'Resident set of the process', () => process.memoryUsage.rss())
    gauge('otelcol_process_uptime_seconds_total', 'Since the start of the process', () => process.uptime())
  }

  counter(name: string, help: string, labels: Labels): Counter {
    const counter = { value: 0 }
    this.register(name, 'counter', help, labels, () => counter.value)
    return counter
  }

  gauge(name: string, help: string, labels: Labels, read: () => number): void {
    this.register(name, 'gauge', help, labels, read)
  }

  private register(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    labels: Labels,
    read: () => number,
  ) {
    let family = this.families.get(name)
    if (family === undefined) {
      family = { type, help, series: new Map() }
      this.families.set(name, family)
    }
    const key = JSON.stringify(labels)
    if (family.series.has(key)) throw new Error(`metric ${name}${key} is registered twice`)
    family.series.set(key, { labels, read })
  }

  /** Every series now. */
  read(): { name: string; type: 'counter' | 'gauge'; labels: Labels; value: number }[] {
    return [...this.families].flatMap(([name, { type, series }]) =>
      [...series.values()].map(({ labels, read }) => ({ name, type, labels, value: read() })),
    )
  }

  /** The sum over all series of a name whose labels include these. */
  sum(name: string, labels: Labels = {}): number {
    let sum = 0
    for (const series of this.families.get(name)?.series.values() ?? [])
      if (Object.entries(labels).every(([key, value]) => series.labels[key] === value)) sum += series.read()
    return sum
  }

  /** Prometheus text, version 0.0.4. */
  text(): string {
    const lines: string[] = []
    for (const [name, { type, help, series }] of [...this.families].sort(([a], [b]) => (a < b ? -1 : 1))) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      for (const { labels, read } of series.values()) lines.push(`${name}${labelText(labels)} ${read()}`)
    }
    return `${lines.join('\n')}\n`
  }
}

/** `{a="b"}` in Prometheus text, or nothing. */
function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

export function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
