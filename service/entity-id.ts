import { hash } from 'node:crypto'

/**
 * The id of what a natural key names: the same key always gives the same id, so that storing the same thing twice
 * meets the primary key instead of needing an index of its own. A version 8 UUID (RFC 9562): 48 bits of `timeMs`,
 * which keep inserts ordered as in version 7, then bits of the key's SHA-256.
 */
export function entityId(kind: string, key: string, timeMs: number): string {
  const bytes = hash('sha256', `${kind}\n${key}`, 'buffer').subarray(0, 16)
  bytes.writeUIntBE(Math.max(0, Math.floor(timeMs)) % 2 ** 48, 0, 6)
  bytes[6] = (bytes[6] & 0x0f) | 0x80
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return formatted(bytes)
}

/** A new id, ordered by time: UUID version 7. */
export function newId(nowMs: number, random: Uint8Array): string {
  const bytes = Buffer.from(random.subarray(0, 16))
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = (bytes[6] & 0x0f) | 0x70
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return formatted(bytes)
}

function formatted(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
