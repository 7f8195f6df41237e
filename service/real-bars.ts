import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The series that `npm start` works on: real daily bars of the S&P 500, 2000-01-03 to 2020-04-17. */
export const realSeries = { symbol: 'SPX', timeframe: '1d' } as const

/** Its CSV text, as it comes with the npm package `vega-datasets`. */
export async function readRealBarsCsv(): Promise<string> {
  // The package's exports name only its build; the data lies beside it.
  const data = new URL('../data/sp500-2000.csv', import.meta.resolve('vega-datasets'))
  return readFile(fileURLToPath(data), 'utf8')
}
