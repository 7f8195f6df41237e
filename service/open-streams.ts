import type { Context } from 'hono'
import { Problem } from './problem.ts'

/** Requests that stay open, as streams of events and waits for a result do: each looks at the database again and again. */
export interface OpenStreams {
  /** Counts one more of this client, until the function that it answers with is called. @throws Problem 429 */
  enter(context: Context): () => void
}

export function createOpenStreams(perClient: number): OpenStreams {
  const open = new Map<string, number>()
  return {
    enter(context) {
      const client = context.get('client') as string
      const count = open.get(client) ?? 0
      if (count >= perClient) {
        throw new Problem(
          429,
          `This client waits for ${count} answers already; at most ${perClient} may be open.`,
          {
            headers: { 'Retry-After': '5' },
          },
        )
      }
      open.set(client, count + 1)
      return () => {
        const left = open.get(client)! - 1
        if (left === 0) open.delete(client)
        else open.set(client, left)
      }
    },
  }
}
