/** What stands where something was taken out. */
export const masked = '***'

/** Parts of names whose values are never emitted, wherever they stand: attributes, `key=value` in texts, queries. */
export const sensitiveName =
  /auth(?!ors?\b)|cookie|passw|passphrase|\bpwd\b|secret|token|api[-_. ]?key|access[-_. ]?key|private[-_. ]?key|credential|signature|session[-_. ]?(?:id|key)|\bpin\b|\bcvv\b|\bssn\b/i

const named =
  /((?:auth(?!ors?\b)|cookie|passw|passphrase|pwd|secret|token|api[-_. ]?key|access[-_. ]?key|private[-_. ]?key|credential|signature)[\w.-]*["']?\s*(?:[:=]|\bis\b)\s*)("[^"]*"|'[^']*'|(?:bearer|basic)\s+\S+|[^\s,;&)}\]]+)/gi
const known = [
  /\b(?:bearer|basic)\s+[\w.~+/=-]{6,}/gi,
  // JSON Web Tokens, and keys whose issuers mark them.
  /\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g,
  /\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|npm)[-_][\w-]{10,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
]
const urlForm = /\b[a-z][a-z0-9+.-]{1,15}:\/\/[^\s"'<>`)\]}]+/gi

/** Takes out what looks like a secret by its name or its form, and what URLs carry besides their place. */
export function maskSecrets(text: string): string {
  let out = text
  if (out.includes('://')) out = out.replace(urlForm, maskUrl)
  for (const form of known) out = out.replace(form, masked)
  return out.replace(named, `$1${masked}`)
}

/** A URL without user, password, values of its query, fragment, and path segments that look like tokens. */
export function maskUrl(text: string): string {
  const [, scheme = '', authority = '', path = '', query = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/)?([^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(text) ?? []
  const at = authority.lastIndexOf('@')
  const host = at < 0 ? authority : `${masked}@${authority.slice(at + 1)}`
  return `${scheme}${host.replace(/[^.:[\]]+/g, (label) => maskWord(label))}${maskPath(path)}${maskQuery(query)}`
}

/** `?a=1&b` as `?a=***&***`: a name without a value may be the value. */
export function maskQuery(query: string): string {
  if (query === '') return ''
  const mark = query.startsWith('?') ? '?' : ''
  const pairs = query.slice(mark.length).split('&')
  return (
    mark +
    pairs
      .map((pair) => {
        const split = pair.indexOf('=')
        return split < 0 ? masked : `${pair.slice(0, split)}=${masked}`
      })
      .join('&')
  )
}

export const maskPath = (path: string): string => path.split('/').map(maskWord).join('/')

const maskWord = (word: string): string => (looksRandom(word) && !uuid.test(word) ? masked : word)

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Long, and letters mixed with digits: a key rather than a word. */
const looksRandom = (word: string): boolean =>
  word.length > 32 || (word.length >= 12 && /[a-z]/i.test(word) && /\d.*\d/.test(word))

/**
 * The message of an error with everything taken out that data can have put there: quoted texts, values in
 * parentheses after `=`, words of letters and digits, long numbers, and all that `maskSecrets` knows. What is left is
 * the sentence that the programmer wrote. An ordinary word in the middle of prose cannot be told from it.
 */
export function maskMessage(text: string): string {
  return maskSecrets(text)
    .replace(/"[^"\n]*"|'[^'\n]*'|`[^`\n]*`|“[^”\n]*”/g, (quoted) => `${quoted[0]}${masked}${quoted.at(-1)}`)
    .replace(/=\s*\([^)\n]*\)?/g, `=(${masked})`)
    .replace(/[^\s,;:()[\]{}"'`“”]+/g, (word) => {
      if (word.includes(masked)) return word
      if (/^\d{7,}$/.test(word)) return masked
      const mixed = /[a-z]/i.test(word) && /\d/.test(word)
      return (mixed && word.length >= 6) || word.length > 40 ? masked : word
    })
}

/** SQL with its literals as `?`, comments taken out. */
export function maskStatement(sql: string): string {
  return sql
    .replace(/\/\*[\s\S]*?(?:\*\/|$)|--[^\n]*/g, ' ')
    .replace(/\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/g, '?')
    .replace(/[eExXbBnNuU&]*'(?:[^'\\]|''|\\[\s\S])*(?:'|$)/g, '?')
    .replace(/(?<![\w$."])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/gi, '?')
}
