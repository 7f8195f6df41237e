import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { startTelemetry, withSpan } from '@tapescope/sdk'
import { startTemporaryPostgres } from '../../service/temporary-postgres.ts'

// Telemetry comes first: `pg` is instrumented when it is imported, which `app.ts` does.
const telemetry = await startTelemetry({ serviceName: 'order-service' })
const { createApp } = await import('./app.ts')

// A real PostgreSQL for this run alone; in your service, the one that you have.
const database = await startTemporaryPostgres()
const { app, close } = await createApp(database.url)
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
if (!server.listening) await once(server, 'listening')
const { port } = server.address() as AddressInfo

// A client, which would be another process. `fetch` carries its trace along by itself.
await withSpan('buy', async (span) => {
  const answer = await fetch(`http://127.0.0.1:${port}/accounts/7/orders`, {
    method: 'POST',
    body: JSON.stringify({ symbol: 'ACME', quantity: 100 }),
  })
  console.log(`${answer.status} ${await answer.text()}, trace ${span.spanContext().traceId}`)
})

server.close()
await close()
await database.stop()
await telemetry.shutdown()
