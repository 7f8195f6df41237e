import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { StartError } from './start-error.ts'

/** Who may write and compute. Keys themselves are never kept, only their SHA-256. */
export interface ApiKeys {
  readonly count: number
  /** The user whose key it is; undefined for none. Takes the same time for every key. */
  userOf(key: string): string | undefined
}

/**
 * Reads `TAPESCOPE_API_KEYS`: `user:sha256-of-the-key-in-hex`, separated by commas.
 * @throws StartError naming the entry that is not one
 */
export function readApiKeys(text: string | undefined): ApiKeys {
  const entries = (text ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry, i) => {
      const [, user, hash] = /^([\w.@-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? []
      if (user === undefined || hash === undefined) {
        throw new StartError(
          `Entry ${i + 1} of TAPESCOPE_API_KEYS is not user:sha256; make one with: printf %s KEY | sha256sum`,
        )
      }
      return { user, digest: Buffer.from(hash, 'hex') }
    })
  return {
    count: entries.length,
    userOf(key) {
      const digest = createHash('sha256').update(key).digest()
      let found: string | undefined
      // Every entry is compared: which one it was, or that none was, cannot be told from the time.
      for (const entry of entries) if (timingSafeEqual(entry.digest, digest)) found = entry.user
      return found
    },
  }
}

/** The keys of `text` and one more, which nobody but this process knows; none where there are none. */
export function readKeysWithOwn(text: string | undefined, user: string): { keys: ApiKeys; own?: string } {
  const keys = readApiKeys(text)
  if (keys.count === 0) return { keys }
  const own = randomBytes(32).toString('base64url')
  return { keys: readApiKeys(`${text},${user}:${createHash('sha256').update(own).digest('hex')}`), own }
}
