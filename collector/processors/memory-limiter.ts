import { totalmem } from 'node:os'
import type { z } from 'zod'
import {
  Refused,
  type Batch,
  type Consumer,
  type Context,
  type Processor,
  type ProcessorFactory,
} from '../component.ts'
import { ConfigError } from '../config/read-config.ts'
import { count, duration, section } from '../config/shapes.ts'

const config = section({
  check_interval: duration('1s'),
  limit_mib: count.default(0),
  spike_limit_mib: count.default(0).describe('a fifth of the limit when 0'),
  limit_percentage: count.max(100).default(0),
  spike_limit_percentage: count.max(100).default(0),
})

type Config = z.infer<typeof config>

export const memoryLimiterProcessor: ProcessorFactory<Config> = {
  type: 'memory_limiter',
  summary: 'refuses data (503, to be sent again) while the process holds more memory than it may',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: (config, context, _signal, next) => new MemoryLimiter(config, context, next),
}

/** The limit holds for the resident set: buffers lie outside the JavaScript heap. */
class MemoryLimiter implements Processor {
  private readonly next: Consumer
  private readonly soft: number
  private readonly interval: number
  private timer: NodeJS.Timeout | undefined
  private over = false

  constructor(config: Config, context: Context, next: Consumer) {
    const hard = config.limit_mib * 2 ** 20 || (config.limit_percentage / 100) * totalmem()
    if (hard === 0 || config.check_interval === 0)
      throw new ConfigError(
        `processors::${context.id}: check_interval and one of limit_mib, limit_percentage must be above 0`,
      )
    const spike =
      config.spike_limit_mib * 2 ** 20 || (config.spike_limit_percentage / 100) * totalmem() || hard / 5
    if (spike >= hard) throw new ConfigError(`processors::${context.id}: spike_limit must be below the limit`)
    this.soft = hard - spike
    this.interval = config.check_interval
    this.next = next
  }

  start(): Promise<void> {
    this.timer ??= setInterval(() => this.check(), this.interval).unref()
    return Promise.resolve()
  }

  private check(): void {
    this.over = process.memoryUsage.rss() > this.soft
  }

  consume(batch: Batch): void {
    if (this.over) throw new Refused('the sidecar is short of memory')
    this.next.consume(batch)
  }

  shutdown(): Promise<void> {
    clearInterval(this.timer)
    return Promise.resolve()
  }
}
