import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { splitEndpoint } from './config/shapes.ts'

/** A port that could not be taken, told in one sentence. */
export class ListenError extends Error {
  override name = 'ListenError'
}

/** Listens, and answers with the address that was given (the port may have been 0). */
export async function listen(server: Server, endpoint: string, what: string): Promise<string> {
  const { host, port } = splitEndpoint(endpoint)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is taken by another process`
          : `cannot listen on ${host}:${port}: ${error.message}`
      reject(new ListenError(`${what}: ${reason}`, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return `${address.address.includes(':') ? `[${address.address}]` : address.address}:${address.port}`
}

/** Stops listening and waits for requests under way; what is still open at `deadline` (epoch ms) is cut. */
export async function close(server: Server, deadline: number): Promise<void> {
  if (!server.listening) return
  const cut = setTimeout(() => server.closeAllConnections(), Math.max(0, deadline - Date.now()))
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearTimeout(cut)
}
