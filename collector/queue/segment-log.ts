import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/** Where a record lies. */
export interface Position {
  readonly segment: number
  readonly offset: number
  /** Bytes of the payload. */
  readonly length: number
  /** What the writer said the payload holds: spans, points or records. */
  readonly count: number
}

interface Recovered {
  readonly position: Position
  readonly payload: Buffer
}

export interface Damage {
  /** Records that were left out because their bytes are not what was written. */
  readonly records: number
  /** What those held, as far as their headers still tell. */
  readonly items: number
}

const MAGIC = 0x31525354
const HEADER = 20
const NAME = /^(\d{10})\.log$/

/**
 * Records in files that are only appended to. A record survives the death of the process once `append` has
 * returned (it is in the operating system's cache). Each has checksums of its own, so that damage costs the
 * records that it hit and no other. Removal is by whole files.
 */
export class SegmentLog {
  private readonly dir: string
  private readonly segmentBytes: number
  private fd: number | undefined
  private current = 0
  private size = 0
  private readonly sizes = new Map<number, number>()
  private readonly header = Buffer.alloc(HEADER)
  private loaded: Buffer | undefined
  /** Open files that parts were read from. */
  private readonly readers = new Map<number, number>()

  constructor(dir: string, segmentBytes: number) {
    this.dir = dir
    this.segmentBytes = segmentBytes
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(dir)) {
      const match = NAME.exec(name)
      if (match) this.current = Math.max(this.current, Number(match[1]))
    }
  }

  /** Numbers of the segments on disk, oldest first. */
  segments(): number[] {
    return readdirSync(this.dir)
      .flatMap((name) => {
        const match = NAME.exec(name)
        return match ? [Number(match[1])] : []
      })
      .sort((a, b) => a - b)
  }

  /** The segment that is being written, 0 before the first record. */
  get writing(): number {
    return this.fd === undefined ? 0 : this.current
  }

  bytesOf(segment: number): number {
    return this.sizes.get(segment) ?? 0
  }

  append(payload: Buffer, count: number): Position {
    if (this.fd === undefined || this.size >= this.segmentBytes) this.rotate()
    const { header } = this
    header.writeUInt32LE(MAGIC, 0)
    header.writeUInt32LE(payload.length, 4)
    header.writeUInt32LE(count, 8)
    header.writeUInt32LE(crc32(payload), 12)
    header.writeUInt32LE(crc32(header.subarray(0, 16)), 16)
    const offset = this.size
    writeRecord(this.fd!, [header, payload], offset)
    this.size = offset + HEADER + payload.length
    this.sizes.set(this.current, this.size)
    return { segment: this.current, offset, length: payload.length, count }
  }

  /** The next record begins a new file. */
  rotate(): void {
    if (this.fd !== undefined) closeSync(this.fd)
    this.current++
    this.size = 0
    this.fd = openSync(this.path(this.current), 'wx', 0o600)
  }

  /** Fills `target` from `at` on with a part of a record's payload; false when it is not there any more. */
  readPart(segment: number, offset: number, target: Buffer, at: number, length: number): boolean {
    let fd = this.readers.get(segment)
    try {
      if (fd === undefined) this.readers.set(segment, (fd = openSync(this.path(segment), 'r')))
      return readSync(fd, target, at, length, offset + HEADER) === length
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  /** The payload of a record that is known to be there, in `memory` if it fits; undefined when it is damaged by now. */
  read(position: Position, memory?: Buffer): Buffer | undefined {
    const fd = openSync(this.path(position.segment), 'r')
    try {
      const size = HEADER + position.length
      const record =
        memory !== undefined && size <= memory.length ? memory.subarray(0, size) : Buffer.allocUnsafe(size)
      if (readSync(fd, record, 0, record.length, position.offset) < record.length) return undefined
      const payload = record.subarray(HEADER)
      return record.readUInt32LE(12) === crc32(payload) ? payload : undefined
    } finally {
      closeSync(fd)
    }
  }

  /** Every sound record of a segment, in the order of writing. A payload is there until `visit` returns. */
  recover(segment: number, visit: (record: Recovered) => void): Damage {
    const file = this.load(segment)
    this.sizes.set(segment, file.length)
    let records = 0
    let items = 0
    let pos = 0
    while (pos < file.length) {
      const header = readHeader(file, pos)
      if (header === undefined) {
        const next = resync(file, pos + 1)
        // What was cut off at the end of a file was never acknowledged, unless the file itself was cut.
        records++
        pos = next
        continue
      }
      const payload = file.subarray(pos + HEADER, pos + HEADER + header.length)
      if (payload.length === header.length && crc32(payload) === header.crc) {
        visit({ position: { segment, offset: pos, length: header.length, count: header.count }, payload })
        pos += HEADER + header.length
      } else {
        records++
        items += header.count
        const end = pos + HEADER + header.length
        // Bytes may be missing, not only wrong: believe the length only when a record or the end follows.
        pos = end === file.length || readHeader(file, end) ? end : resync(file, pos + 1)
      }
    }
    return { records, items }
  }

  /** A whole segment, in memory that the next one is read into as well. */
  private load(segment: number): Buffer {
    const fd = openSync(this.path(segment), 'r')
    try {
      const { size } = fstatSync(fd)
      if (this.loaded === undefined || this.loaded.length < size)
        this.loaded = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.segmentBytes))
      let length = 0
      for (let read = -1; read !== 0 && length < size; length += read)
        read = readSync(fd, this.loaded, length, size - length, length)
      return this.loaded.subarray(0, length)
    } finally {
      closeSync(fd)
    }
  }

  /** What was recovered needs no memory any more. */
  recovered(): void {
    this.loaded = undefined
  }

  remove(segment: number): void {
    if (segment === this.current && this.fd !== undefined) {
      closeSync(this.fd)
      this.fd = undefined
    }
    this.sizes.delete(segment)
    this.closeReader(segment)
    rmSync(this.path(segment), { force: true })
  }

  private closeReader(segment: number): void {
    const fd = this.readers.get(segment)
    if (fd !== undefined) closeSync(fd)
    this.readers.delete(segment)
  }

  close(): void {
    for (const segment of this.readers.keys()) this.closeReader(segment)
    if (this.fd !== undefined) closeSync(this.fd)
    this.fd = undefined
  }

  path(segment: number): string {
    return join(this.dir, `${String(segment).padStart(10, '0')}.log`)
  }
}

/** Header and payload in one system call, as a rule. */
function writeRecord(fd: number, parts: readonly Buffer[], position: number): void {
  const whole = parts.reduce((sum, part) => sum + part.length, 0)
  let done = writevSync(fd, parts, position)
  if (done === whole) return
  const bytes = Buffer.concat(parts)
  while (done < whole) done += writeSync(fd, bytes, done, whole - done, position + done)
}

function readHeader(file: Buffer, pos: number) {
  if (pos + HEADER > file.length || file.readUInt32LE(pos) !== MAGIC) return undefined
  if (crc32(file.subarray(pos, pos + 16)) !== file.readUInt32LE(pos + 16)) return undefined
  return {
    length: file.readUInt32LE(pos + 4),
    count: file.readUInt32LE(pos + 8),
    crc: file.readUInt32LE(pos + 12),
  }
}

/** The next place where a record begins. */
function resync(file: Buffer, from: number): number {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(MAGIC)
  for (let at = file.indexOf(magic, from); at >= 0; at = file.indexOf(magic, at + 1))
    if (readHeader(file, at)) return at
  return file.length
}
