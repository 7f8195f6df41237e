import type { IncomingMessage } from 'node:http'
import { createGunzip, createInflate, gunzipSync, inflateSync, type Gunzip } from 'node:zlib'

/** A body that will not be taken: too large, broken, in an unknown encoding, or at a bad moment. */
export class BodyError extends Error {
  readonly status: 400 | 413 | 415 | 503

  constructor(status: 400 | 413 | 415 | 503, message: string) {
    super(message)
    this.status = status
  }
}

/** Bytes of request bodies that may be in memory at once, over all connections. */
export class IntakeBudget {
  private readonly limit: number
  private used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  take(bytes: number): void {
    if (this.used + bytes > this.limit) throw new BodyError(503, 'too many request bodies at once')
    this.used += bytes
  }

  give(bytes: number): void {
    this.used -= bytes
  }
}

export interface Body {
  readonly bytes: Buffer
  /** The body has been dealt with; its share of the budget is free again, and its memory unless it is kept. */
  release(kept: boolean): void
}

const POOL_BYTES = 4 * 2 ** 20
const POOL_STEP = 64 * 1024

/** Memory of bodies that have been dealt with, for the next ones: fresh pages cost more than what is read into them. */
class BodyPool {
  private readonly free: Buffer[] = []
  private bytes = 0

  take(length: number): Buffer {
    const at = this.free.findIndex((memory) => memory.length >= length)
    if (at < 0) return Buffer.allocUnsafeSlow(Math.ceil(length / POOL_STEP) * POOL_STEP)
    const [memory] = this.free.splice(at, 1)
    this.bytes -= memory.length
    return memory
  }

  give(memory: Buffer): void {
    if (this.bytes + memory.length > POOL_BYTES) return
    this.free.push(memory)
    this.bytes += memory.length
  }
}

const pool = new BodyPool()

/** Compressed bodies up to this size are inflated at once; larger ones chunk by chunk. */
const SMALL = 64 * 1024

/**
 * Reads a request's body, decompressed. `limit` holds for the bytes on the wire and for the bytes after
 * decompression, whichever is larger; nothing beyond it is kept in memory.
 */
export async function readBody(request: IncomingMessage, limit: number, budget: IntakeBudget): Promise<Body> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (!['identity', '', 'gzip', 'deflate', 'zlib'].includes(encoding))
    throw new BodyError(415, 'content-encoding must be gzip, deflate or none')
  const plain = encoding === 'identity' || encoding === ''
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limit) throw tooLarge(limit)
  const reserved = new Reservation(budget)
  try {
    reserved.grow(announced)
    const small = !plain && announced > 0 && announced <= SMALL
    const source =
      plain || small
        ? request
        : request.pipe((encoding === 'gzip' ? createGunzip : createInflate)({ chunkSize: SMALL }))
    const memory = announced > 0 && source === request ? pool.take(announced) : undefined
    const bytes = await collect(request, source, limit, reserved, memory?.subarray(0, announced))
    const inflated = small ? inflateSmall(bytes, encoding, limit) : bytes
    return {
      bytes: inflated,
      release: (kept) => {
        reserved.free()
        if (memory && (small || !kept)) pool.give(memory)
      },
    }
  } catch (error) {
    reserved.free()
    throw error
  }
}

class Reservation {
  private readonly budget: IntakeBudget
  private bytes = 0

  constructor(budget: IntakeBudget) {
    this.budget = budget
  }

  /** Makes sure that `bytes` are reserved. */
  grow(bytes: number): void {
    if (bytes <= this.bytes) return
    this.budget.take(bytes - this.bytes)
    this.bytes = bytes
  }

  free(): void {
    this.budget.give(this.bytes)
    this.bytes = 0
  }
}

function inflateSmall(bytes: Buffer, encoding: string, limit: number): Buffer {
  try {
    return (encoding === 'gzip' ? gunzipSync : inflateSync)(bytes, { maxOutputLength: limit })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit)
    throw new BodyError(400, `the body is not valid ${encoding}`)
  }
}

function collect(
  request: IncomingMessage,
  source: NodeJS.ReadableStream,
  limit: number,
  reserved: Reservation,
  /** Where to put it, when its length is known. */
  into: Buffer | undefined,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let whole = into
    let length = 0
    const fail = (error: BodyError) => {
      source.removeAllListeners('data')
      if (source !== request) {
        request.unpipe()
        // It would inflate what it has been given, to no end.
        ;(source as Gunzip).destroy()
      }
      request.resume()
      chunks.length = 0
      whole = undefined
      reject(error)
    }
    source.on('data', (chunk: Buffer) => {
      if (length + chunk.length > limit) return fail(tooLarge(limit))
      try {
        reserved.grow(length + chunk.length)
      } catch (error) {
        return fail(error as BodyError)
      }
      if (whole) chunk.copy(whole, length)
      else chunks.push(chunk)
      length += chunk.length
    })
    source.on('end', () => resolve(whole ?? Buffer.concat(chunks, length)))
    source.on('error', () => fail(new BodyError(400, 'the body is broken')))
    request.on('aborted', () => fail(new BodyError(400, 'the connection ended before the body did')))
  })
}

function tooLarge(limit: number): BodyError {
  return new BodyError(413, `the body is larger than ${limit} bytes after decompression`)
}
