import { Hono } from 'hono'
import { Pool } from 'pg'
import { observePool } from '@tapescope/sdk'
import { traceRequests } from '@tapescope/sdk/hono'

/** A service that takes orders. Its telemetry is one line for the requests and one for the pool. */
export async function createApp(databaseUrl: string) {
  const pool = new Pool({ connectionString: databaseUrl, max: 4 })
  observePool('orders', pool)
  await pool.query('CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, symbol text, quantity int)')

  const app = new Hono()
  app.use(traceRequests())
  app.post('/accounts/:account/orders', async (c) => {
    const { symbol, quantity } = await c.req.json<{ symbol: string; quantity: number }>()
    const limits = {
      name: 'risk.exposure',
      text: 'SELECT sum(quantity) AS held FROM orders WHERE symbol = $1',
    }
    const { rows } = await pool.query<{ held: string | null }>({ ...limits, values: [symbol] })
    if (Number(rows[0].held) + quantity > 1000) return c.json({ error: 'over the limit' }, 422)
    const insert = { name: 'orders.insert', text: 'INSERT INTO orders (symbol, quantity) VALUES ($1, $2)' }
    await pool.query({ ...insert, values: [symbol, quantity] })
    return c.json({ accepted: true }, 201)
  })
  return { app, close: () => pool.end() }
}
