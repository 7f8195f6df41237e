import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import {
  Refused,
  type Batch,
  type Consumer,
  type Context,
  type Exporter,
  type ExporterFactory,
} from '../component.ts'
import { ConfigError } from '../config/read-config.ts'
import { section } from '../config/shapes.ts'
import { encodedRequest, requestJson } from './request-json.ts'

const config = section({
  path: z.string().min(1),
  append: z.boolean().default(false),
  create_directory: z.boolean().default(false),
  format: z
    .enum(['json', 'proto'])
    .default('json')
    .describe('json: a request per line; proto: length (4 bytes, big-endian) and request'),
  rotation: section({
    max_megabytes: z.int().positive().default(100),
    max_backups: z.int().nonnegative().default(100).describe('older files path.1, path.2, …'),
  }).optional(),
})

type Config = z.infer<typeof config>

export const fileExporter: ExporterFactory<Config> = {
  type: 'file',
  summary: 'writes requests to a file',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: (config, context) => new FileExporter(config, context),
}

class FileExporter implements Exporter {
  private readonly config: Config
  private fd: number | undefined
  private size = 0

  constructor(config: Config, context: Context) {
    this.config = config
    try {
      if (config.create_directory) mkdirSync(dirname(config.path), { recursive: true })
      this.open(config.append ? 'a' : 'w')
    } catch (cause) {
      throw new ConfigError(
        `exporters::${context.id}::path: cannot write ${config.path}: ${(cause as Error).message}`,
        {
          cause,
        },
      )
    }
  }

  private open(flags: 'a' | 'w'): void {
    this.fd = openSync(this.config.path, flags, 0o600)
    this.size = statSync(this.config.path).size
  }

  consumer(): Consumer {
    return { consume: (batch) => this.write(batch) }
  }

  private write(batch: Batch): void {
    const bytes =
      this.config.format === 'json' ? Buffer.from(`${JSON.stringify(requestJson(batch))}\n`) : framed(batch)
    const { rotation } = this.config
    if (rotation && this.size > 0 && this.size + bytes.length > rotation.max_megabytes * 1e6)
      this.rotate(rotation.max_backups)
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.fd!, bytes, done)
    } catch (cause) {
      throw new Refused(`${this.config.path} cannot be written: ${(cause as Error).message}`, { cause })
    }
    this.size += bytes.length
  }

  private rotate(backups: number): void {
    const { path } = this.config
    closeSync(this.fd!)
    rmSync(`${path}.${backups}`, { force: true })
    for (let i = backups - 1; i >= 1; i--) {
      if (statSync(`${path}.${i}`, { throwIfNoEntry: false })) renameSync(`${path}.${i}`, `${path}.${i + 1}`)
    }
    if (backups > 0) renameSync(path, `${path}.1`)
    this.open('w')
  }

  shutdown(): Promise<void> {
    if (this.fd !== undefined) closeSync(this.fd)
    this.fd = undefined
    return Promise.resolve()
  }
}

function framed(batch: Batch): Buffer {
  const request = encodedRequest(batch)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(request.length)
  return Buffer.concat([length, request])
}
