import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { describe, expect, it } from 'vitest'
import { EngineError } from './engine-error.ts'
import { parseBarsCsv } from './parse-bars-csv.ts'

const series = { symbol: 'X', timeframe: '1d' } as const
const sp500 = new URL('data/sp500-2000.csv', `file://${findPackageJSON('vega-datasets', import.meta.url)}`)

describe('parseBarsCsv', () => {
  it('reads the real S&P 500 bars', () => {
    const { bars, rejected } = parseBarsCsv(readFileSync(sp500, 'utf8'), { symbol: 'SPX', timeframe: '1d' })
    expect(bars.length).toBe(5105)
    expect(rejected).toEqual([])
    expect(bars.time[0]).toBe(Date.UTC(2000, 0, 3))
    expect(bars.close[5104]).toBe(2874.560059)
    expect(bars.volume[0]).toBe(931800000)
  })

  it('finds columns by name in any order and case', () => {
    const { bars } = parseBarsCsv(
      'Volume;CLOSE;"Low";High;Open;Adj Close;Timestamp\n7;2;1;3;1.5;9;1700000000000\n8;2;1;3;1.5;9;2023-11-15T01:00:00+01:00\n',
      series,
    )
    expect([...bars.time]).toEqual([1_700_000_000_000, Date.UTC(2023, 10, 15)])
    expect([...bars.volume]).toEqual([7, 8])
    expect([...bars.open]).toEqual([1.5, 1.5])
  })

  it('names every bad row and its reason', () => {
    const text = [
      'date,open,high,low,close,volume',
      '2020-01-01,1,2,1,2,5',
      '2020-01-02,1,2,1,2',
      '2020-01-03,one,2,1,2,5',
      '2020-01-04,2,1,2,2,5',
      '2020-01-01,1,2,1,2,5',
      '2019-01-01,1,2,1,2,5',
      '2020-02-30,1,2,1,2,5',
      '2020-01-07,1,2,1,NaN,5',
      '2020-01-08,0,2,1,2,5',
      '2020-01-09,1,2,1,2,-1',
      '2020-01-10,1,2,1,3,5',
      '2020-01-11,1,2,1,2.009,5',
    ].join('\n')
    const { bars, rejected, flags } = parseBarsCsv(text, { ...series, skipBad: true })
    expect(rejected.map(({ row }) => row)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(rejected.map(({ reason }) => reason).join('\n')).toMatchInlineSnapshot(`
      "has 5 of 6 columns
      open "one" is not a number
      high 1 is below low 2
      time 1577836800000 repeats the time of the bar before it
      time 1546300800000 lies before the time of the bar before it
      date "2020-02-30" is not a time
      close "NaN" is not a number
      open 0 is not a finite price above 0
      volume -1 is not a finite number of at least 0
      close 3 lies outside 1..2"
    `)
    expect(bars.length).toBe(2)
    expect(bars.high[1]).toBe(2.009)
    expect(flags).toEqual([
      { bar: 1, kind: 'widened' },
      { bar: 1, kind: 'gap' },
    ])
    expect(() => parseBarsCsv(text, series)).toThrow(EngineError)
    expect(() => parseBarsCsv(text, series)).toThrow(/10 bad rows: row 3: .*row 12/s)
  })

  it('refuses a source without volume', () => {
    expect(() => parseBarsCsv('date,open,high,low,close\n', series)).toThrow('no column volume')
    expect(() => parseBarsCsv('', { ...series, skipBad: true })).toThrow(EngineError)
  })
})
