import { z } from 'zod'
import type { Queryable } from './database.ts'
import { paginationSchema } from './schemas.ts'

interface PageQuery {
  /** Of the statement and its span; which filters are set is added behind a `#`, for the statement only. */
  name: string
  columns: string
  /** Tables, our own text. */
  from: string
  /** Conditions with `?` for the value; one whose value is undefined is left out. */
  where: readonly (readonly [condition: string, value: unknown])[]
  orderBy: string
  page: number
  limit: number
}

export interface Page<Row> {
  data: Row[]
  pagination: z.output<typeof paginationSchema>
}

export function pageSchema<Row extends z.ZodType>(row: Row) {
  return z.object({ data: z.array(row), pagination: paginationSchema })
}

/** One page of a list and how long the list is. */
export async function readPage<Row>(database: Queryable, query: PageQuery): Promise<Page<Row>> {
  const { page, limit } = query
  const values: unknown[] = []
  let mask = ''
  const conditions: string[] = []
  for (const [condition, value] of query.where) {
    mask += value === undefined ? '0' : '1'
    if (value === undefined) continue
    values.push(value)
    conditions.push(condition.replace('?', `$${values.length}`))
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const [data, [total]] = await Promise.all([
    database.query<Row>({
      name: `${query.name}.page#${mask}`,
      text: `SELECT ${query.columns} FROM ${query.from} ${where} ORDER BY ${query.orderBy}
        LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
      values: [...values, limit, (page - 1) * limit],
    }),
    database.query<{ count: number }>({
      name: `${query.name}.count#${mask}`,
      text: `SELECT count(*) AS count FROM ${query.from} ${where}`,
      values,
    }),
  ])
  const total_count = total.count
  return {
    data,
    pagination: {
      page,
      limit,
      returned_count: data.length,
      total_count,
      has_more: page * limit < total_count,
    },
  }
}
