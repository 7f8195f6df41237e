import { bindCounter, withSpan, type MetricDefinition } from '@tapescope/sdk'

export interface Order {
  readonly symbol: string
  readonly quantity: number
}

export interface Venue {
  /** Answers with the venue's number of the order. @throws Error when it refuses */
  send(order: Order): Promise<string>
}

const ordersTotal: MetricDefinition = {
  name: 'orders_total',
  kind: 'counter',
  unit: '{order}',
  description: 'Orders by outcome.',
  labels: ['symbol', 'outcome'],
}

/** What is tested: an order goes through the check of limits to the venue, and is counted. */
export async function placeOrder(venue: Venue, order: Order): Promise<string> {
  const count = (outcome: string) => bindCounter(ordersTotal, { symbol: order.symbol, outcome }).add()
  return withSpan('order.place', async (span) => {
    span.setAttribute('order.quantity', order.quantity)
    try {
      withSpan('order.check', () => {
        if (order.quantity > 1000) throw new RangeError('more than 1000 at once')
      })
      const number = await withSpan('order.send', () => venue.send(order))
      count('accepted')
      return number
    } catch (error) {
      count('refused')
      throw error
    }
  })
}
