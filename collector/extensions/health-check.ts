import { createServer } from 'node:http'
import { z } from 'zod'
import type { Context, Extension, ExtensionFactory } from '../component.ts'
import { endpoint, section } from '../config/shapes.ts'
import { close, listen } from '../listen.ts'

const config = section({
  endpoint: endpoint('127.0.0.1:13133'),
  path: z.string().startsWith('/').default('/'),
})

type Config = z.infer<typeof config>

export const healthCheckExtension: ExtensionFactory<Config> = {
  type: 'health_check',
  summary: 'answers 200 once everything has started, 503 before that and while it drains',
  config,
  create: (config, context) => new HealthCheck(config, context),
}

class HealthCheck implements Extension {
  readonly listening: Record<string, string> = {}
  private readonly config: Config
  private readonly since = Date.now()
  private ready = false
  private readonly server = createServer((request, response) => {
    if (request.url?.split('?', 1)[0] !== this.config.path) {
      response.writeHead(404).end()
      return
    }
    const status = this.ready ? 'Server available' : 'Server not available'
    const body = {
      status,
      upSince: new Date(this.since).toISOString(),
      uptime: `${(Date.now() - this.since) / 1000}s`,
    }
    response
      .writeHead(this.ready ? 200 : 503, { 'content-type': 'application/json' })
      .end(JSON.stringify(body))
  })

  constructor(config: Config, _context: Context) {
    this.config = config
  }

  async start(): Promise<void> {
    this.listening['health'] =
      `http://${await listen(this.server, this.config.endpoint, 'health_check')}${this.config.path}`
  }

  setReady(ready: boolean): void {
    this.ready = ready
  }

  async shutdown(deadline: number): Promise<void> {
    await close(this.server, deadline)
  }
}
