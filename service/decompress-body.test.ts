import { Hono } from 'hono'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decompressBody } from './decompress-body.ts'
import { problemOf } from './problem.ts'

const app = new Hono()
  .use(decompressBody(100_000_000))
  .post('/', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)))
  .onError((error, c) => {
    const problem = problemOf(error)
    return c.text(problem.message, problem.status as 413)
  })

async function send(plain: string): Promise<[status: number, text: string]> {
  const body = new Uint8Array(gzipSync(plain))
  const response = await app.request('/', { method: 'POST', headers: { 'content-encoding': 'gzip' }, body })
  return [response.status, await response.text()]
}

test('what a few bytes unpack to without end is given up early', async () => {
  const [status, text] = await send('\n'.repeat(90_000_000))
  expect([status, text]).toEqual([413, 'The body unpacks to more than 200 times its size.'])
})

test('bars, which shrink well, are read, and so is what is small', async () => {
  const rows = Array.from(
    { length: 200_000 },
    (_, i) => `${1_600_000_000_000 + i * 60_000},100,101,99,100,1000\n`,
  ).join('')
  expect(await send(rows)).toEqual([200, String(rows.length)])
  expect(await send('\n'.repeat(900_000))).toEqual([200, '900000'])
})
