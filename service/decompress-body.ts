import type { MiddlewareHandler } from 'hono'
import { ReadableStream as NodeStream } from 'node:stream/web'
import { Problem } from './problem.ts'

/** Bars shrink to a tenth or a twentieth; what shrinks more than this is made to keep us busy. */
const maxRatio = 200
/** Less than this is soon read, however it was packed. */
const freeBytes = 2 ** 20

/**
 * Bodies of `Content-Encoding: gzip` or `deflate`, as they were before; what comes out is counted, compressed or not,
 * so that a small body that unpacks to a huge one ends at `maxBytes` (413).
 */
export function decompressBody(maxBytes: number): MiddlewareHandler {
  return async (c, next) => {
    const { raw } = c.req
    const encoding = c.req.header('content-encoding')?.trim().toLowerCase() ?? 'identity'
    if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'deflate') {
      throw new Problem(415, 'Bodies may be compressed with gzip or deflate only.')
    }
    if (raw.body !== null) {
      const headers = new Headers(raw.headers)
      headers.delete('content-encoding')
      // Of the compressed body.
      if (encoding !== 'identity') headers.delete('content-length')
      const body: unknown = NodeStream.from(counted(raw.body, encoding, maxBytes))
      // The DOM's types know neither `from` nor `duplex`.
      const init: object = { method: raw.method, headers, body, duplex: 'half', signal: raw.signal }
      c.req.raw = new Request(raw.url, init)
    }
    await next()
  }
}

async function* counted(
  body: ReadableStream<Uint8Array>,
  encoding: 'identity' | 'gzip' | 'deflate',
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let packed = 0
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      packed += bytes.byteLength
      controller.enqueue(bytes)
    },
  })
  const plain =
    encoding === 'identity'
      ? body
      : body
          .pipeThrough(count)
          .pipeThrough(
            new DecompressionStream(encoding) as unknown as TransformStream<Uint8Array, Uint8Array>,
          )
  let size = 0
  try {
    for await (const bytes of plain) {
      size += bytes.byteLength
      if (size > maxBytes) throw new Problem(413, `The body is larger than ${maxBytes} bytes.`)
      if (encoding !== 'identity' && size > freeBytes && size > packed * maxRatio) {
        throw new Problem(413, `The body unpacks to more than ${maxRatio} times its size.`)
      }
      yield bytes
    }
  } catch (error) {
    if (error instanceof Problem || encoding === 'identity') throw error
    throw new Problem(400, `The body is not ${encoding}.`, { cause: error })
  }
}
