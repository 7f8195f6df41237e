import { BarReader } from './bar-reader.ts'
import type { ReadOptions, ReadResult } from './bar-reader.ts'
import { EngineError } from './engine-error.ts'
import { parseTime } from './parse-time.ts'

const timeNames = ['time', 'date', 'timestamp', 'datetime']
const priceNames = ['open', 'high', 'low', 'close', 'volume'] as const

/**
 * Bars from CSV text with a header row. Columns are found by name, in any order and case: `date`, `time` or
 * `timestamp`, `open`, `high`, `low`, `close`, `volume`; others, such as an adjusted close, are ignored. Fields
 * may be quoted; a separator of `;` or tab is recognised. Times: ISO 8601 (UTC unless they say otherwise) or epoch
 * milliseconds. Rows run oldest first: nothing is sorted.
 * @throws EngineError `invalid_csv` naming every bad row (the header is row 1) unless `skipBad`; always when a
 * column is missing.
 */
export const parseBarsCsv = (text: string, options: ReadOptions): ReadResult => {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const header = lines[0] ?? ''
  const separator = [',', ';', '\t'].find((mark) => header.includes(mark)) ?? ','
  const names = fields(header, separator).map((name) => name.trim().toLowerCase())
  const timeAt = names.findIndex((name) => timeNames.includes(name))
  const priceAt = priceNames.map((name) => names.indexOf(name))
  const missing = priceNames.filter((_, k) => priceAt[k] === -1) as string[]
  if (timeAt === -1) missing.unshift('date')
  if (missing.length > 0) {
    const reason = `the header has no column ${missing.join(', ')}`
    throw new EngineError('invalid_csv', `row 1: ${reason}`, { rows: [{ row: 1, reason }] })
  }

  const reader = new BarReader(options, lines.length)
  const values = new Float64Array(5)
  for (let k = 1; k < lines.length; k++) {
    const line = lines[k]
    if (line.trim() === '') continue
    const row = k + 1
    const cells = fields(line, separator)
    if (cells.length < names.length) {
      reader.reject(row, `has ${cells.length} of ${names.length} columns`)
      continue
    }
    const time = parseTime(cells[timeAt].trim())
    if (Number.isNaN(time)) {
      reader.reject(row, `${names[timeAt]} "${shown(cells[timeAt])}" is not a time`)
      continue
    }
    const bad = readNumbers(cells, priceAt, values)
    if (bad === -1) reader.take(row, time, values[0], values[1], values[2], values[3], values[4])
    else reader.reject(row, `${priceNames[bad]} "${shown(cells[priceAt[bad]])}" is not a number`)
  }
  return reader.done('invalid_csv')
}

/** Fills `into`; answers with the position of the first cell that is not a number, or -1. */
const readNumbers = (cells: readonly string[], at: readonly number[], into: Float64Array): number => {
  for (let k = 0; k < at.length; k++) {
    const cell = cells[at[k]].trim()
    const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cell) ? Number(cell) : Number.NaN
    if (Number.isNaN(value)) return k
    into[k] = value
  }
  return -1
}

const fields = (line: string, separator: string): string[] => {
  if (!line.includes('"')) return line.split(separator)
  const found: string[] = []
  let cell = ''
  let quoted = false
  for (let k = 0; k < line.length; k++) {
    const mark = line[k]
    if (quoted && mark === '"' && line[k + 1] === '"') cell += line[++k]
    else if (mark === '"') quoted = !quoted
    else if (mark === separator && !quoted) {
      found.push(cell)
      cell = ''
    } else cell += mark
  }
  found.push(cell)
  return found
}

const shown = (cell: string): string => cell.trim().slice(0, 40)
