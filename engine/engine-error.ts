export type EngineErrorCode =
  | 'invalid_option'
  | 'invalid_bar'
  | 'unsorted_bar'
  | 'symbol_mismatch'
  | 'invalid_csv'
  | 'invalid_rows'
  | 'observer_contract'

/** What the engine throws for bad input: a kind to branch on, and where it is (`bar` is an index in the series). */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode
  readonly bar: number | null
  readonly rows: readonly RejectedRow[]

  constructor(
    code: EngineErrorCode,
    message: string,
    where: { bar?: number; rows?: readonly RejectedRow[] } = {},
  ) {
    super(message)
    this.code = code
    this.bar = where.bar ?? null
    this.rows = where.rows ?? []
  }
}

/** A row that was not taken. `row` counts from 1; in a file the header is row 1. */
export interface RejectedRow {
  readonly row: number
  readonly reason: string
}
