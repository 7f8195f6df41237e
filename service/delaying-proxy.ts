import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

interface DelayingProxy {
  /** The database's URL, through the proxy. */
  url: string
  /** From now on each packet of the server comes this much later. */
  delay(ms: number): void
  /** Refuses and breaks every connection until `open`. */
  cut(): Promise<void>
  open(): Promise<void>
}

/** Stands between the service and PostgreSQL, to make the way between them slow or to cut it: for tests. */
export async function startDelayingProxy(databaseUrl: string): Promise<DelayingProxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let delayMs = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', (bytes) => upstream.write(bytes))
    upstream.on('data', (bytes) => {
      if (delayMs === 0) client.write(bytes)
      else setTimeout(() => client.write(bytes), delayMs).unref()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = new URL(databaseUrl)
  url.port = String(port)
  return {
    url: url.href,
    delay: (ms) => void (delayMs = ms),
    async cut() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async open() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
}
