import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

export interface SignalFeed {
  /** Calls `told` with each new signal of the symbol, as JSON, until the function that it answers with is called. */
  subscribe(symbol: string, told: (id: string, json: string) => void): () => void
  stop(): Promise<void>
}

/**
 * Hears of every signal that is stored, by this process or another: LISTEN on a connection of its own, which is made anew
 * when it breaks. What is stored meanwhile is not told; lists of signals have it.
 */
export async function listenForSignals(
  url: string,
  log: (line: Record<string, unknown>) => void,
): Promise<SignalFeed> {
  const feed = new EventEmitter()
  feed.setMaxListeners(0)
  const stopped = new AbortController()
  let client = await connect()

  async function connect(): Promise<Client> {
    const made = new Client({ connectionString: url, application_name: 'tapescope-feed', keepAlive: true })
    made.on('error', (error) => log({ level: 'warn', message: 'signal feed lost', error: error.message }))
    made.on('notification', ({ payload = '' }) => {
      const { id, symbol } = JSON.parse(payload) as { id: string; symbol: string }
      // Not the bare name: a symbol "error" would throw.
      feed.emit(`symbol ${symbol}`, id, payload)
    })
    await made.connect()
    await made.query('LISTEN tapescope_signals')
    made.once('end', () => void again())
    return made
  }

  async function again(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await sleep(500, undefined, { signal: stopped.signal })
        client = await connect()
        return
      } catch {
        // The database is still away, or we stop.
      }
    }
  }

  return {
    subscribe(symbol, told) {
      feed.on(`symbol ${symbol}`, told)
      return () => void feed.off(`symbol ${symbol}`, told)
    },
    async stop() {
      stopped.abort()
      await client.end().catch(() => undefined)
    },
  }
}
