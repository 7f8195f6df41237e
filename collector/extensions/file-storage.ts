import { accessSync, constants, mkdirSync } from 'node:fs'
import { z } from 'zod'
import type { Context, Extension, ExtensionFactory } from '../component.ts'
import { ConfigError } from '../config/read-config.ts'
import { section } from '../config/shapes.ts'

const config = section({
  directory: z.string().min(1).default('/var/lib/otelcol/file_storage'),
  create_directory: z.boolean().default(false),
})

type Config = z.infer<typeof config>

export const fileStorageExtension: ExtensionFactory<Config> = {
  type: 'file_storage',
  summary: 'a folder in which queues survive a restart',
  config,
  create: (config, context) => new FileStorage(config, context),
}

class FileStorage implements Extension {
  readonly storageDir: string

  constructor({ directory, create_directory }: Config, context: Context) {
    this.storageDir = directory
    try {
      if (create_directory) mkdirSync(directory, { recursive: true, mode: 0o750 })
      accessSync(directory, constants.W_OK)
    } catch (cause) {
      throw new ConfigError(
        `extensions::${context.id}::directory: ${directory} is not a folder that can be written to (${(cause as NodeJS.ErrnoException).code})`,
        { cause },
      )
    }
  }
}
