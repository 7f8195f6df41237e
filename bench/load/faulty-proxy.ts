import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FaultyProxy {
  readonly url: string
  /** From now on these paths are answered so, or so much later than the service answers them. */
  plant(faults: Readonly<Record<string, { readonly status?: number; readonly delayMs?: number }>>): void
  close(): void
}

/** A real proxy in front of a real service that answers some routes wrong or late: to see that the load tool says so. */
export async function startFaultyProxy(serviceUrl: string): Promise<FaultyProxy> {
  const target = new URL(serviceUrl)
  let planted: Parameters<FaultyProxy['plant']>[0] = {}
  const server = createServer((incoming, outgoing) => {
    const { method, url = '/', headers } = incoming
    const { status, delayMs = 0 } = planted[url.split('?', 1)[0]] ?? {}
    if (status !== undefined) {
      incoming.resume()
      outgoing.writeHead(status, { 'content-type': 'application/problem+json' })
      outgoing.end('{"detail":"planted","trace_id":null}')
      return
    }
    const { host: _, ...passed } = headers
    const options = { host: target.hostname, port: target.port, method, path: url, headers: passed }
    const asked = forward(options, (answer) => {
      setTimeout(() => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      }, delayMs)
    })
    asked.on('error', () => outgoing.destroy())
    incoming.pipe(asked)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plant: (faults) => (planted = faults),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
