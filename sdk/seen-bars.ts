const most = 10_000

/**
 * Up to which bar each series of an engine was analysed, so that reading the same bars again counts nothing twice.
 * Holds the 10,000 series that were used last.
 */
export class SeenBars {
  private static readonly byEngine = new WeakMap<object, SeenBars>()
  private readonly times = new Map<string, { time: number }>()

  /** One for each engine, however often it is wrapped. */
  static of(engine: object): SeenBars {
    let seen = SeenBars.byEngine.get(engine)
    if (seen === undefined) SeenBars.byEngine.set(engine, (seen = new SeenBars()))
    return seen
  }

  /** The mark of a series: time of the newest bar whose facts were counted, -Infinity for none. */
  since(symbol: string, timeframe: string): { time: number } {
    const key = `${symbol}\u0000${timeframe}`
    const mark = this.times.get(key) ?? { time: -Infinity }
    this.times.delete(key)
    this.times.set(key, mark)
    if (this.times.size > most) this.times.delete(this.times.keys().next().value!)
    return mark
  }
}
