/** Takes OTLP over HTTP and throws it away: a backend for cases that send, in a process of its own. Prints its URL. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((request, response) => {
  request.resume().on('end', () => response.end())
})
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
// Ends with whoever started it, however that ends.
process.stdin.resume().on('close', () => process.exit(0))
