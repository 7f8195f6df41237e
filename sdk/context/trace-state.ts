import type { TraceState } from '@opentelemetry/api'

const mostMembers = 32
/** What must be propagated at least, and is propagated at most. */
const longest = 512
/** Members longer than this are the first to go when not all fit. */
const longMember = 128

const keyForm = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/
const valueForm = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

type Member = readonly [key: string, value: string]

/**
 * The `tracestate` of W3C Trace Context level 2: at most 32 members, newest first. What cannot be a member is not set;
 * a header with a malformed member, or with more than 32, is worth nothing as a whole (section 3.3). Immutable.
 */
export class W3cTraceState implements TraceState {
  private readonly members: readonly Member[]

  constructor(members: readonly Member[] = []) {
    this.members = members
  }

  /** Undefined when `header` is malformed or holds no member. Of a key that comes twice the first counts. */
  static parse(header: string): W3cTraceState | undefined {
    const members = new Map<string, string>()
    for (const part of header.split(',')) {
      const member = part.replace(/^[ \t]+|[ \t]+$/g, '')
      if (member === '') continue
      const split = member.indexOf('=')
      const key = member.slice(0, split)
      const value = member.slice(split + 1)
      if (split < 1 || !keyForm.test(key) || !valueForm.test(value)) return undefined
      if (!members.has(key)) members.set(key, value)
      if (members.size > mostMembers) return undefined
    }
    return members.size === 0 ? undefined : new W3cTraceState([...members])
  }

  /** The changed or new member comes first; the last goes when there would be more than 32. */
  set(key: string, value: string): W3cTraceState {
    if (!keyForm.test(key) || !valueForm.test(value)) return this
    const others = this.members.filter(([other]) => other !== key)
    return new W3cTraceState([[key, value] as const, ...others].slice(0, mostMembers))
  }

  unset(key: string): W3cTraceState {
    return new W3cTraceState(this.members.filter(([other]) => other !== key))
  }

  get(key: string): string | undefined {
    return this.members.find(([other]) => other === key)?.[1]
  }

  /** At most 512 characters: members of more than 128 go first, then from the end (section 3.3.1.5). */
  serialize(): string {
    const members = this.members.map(([key, value]) => `${key}=${value}`)
    const length = (): number => members.reduce((sum, member) => sum + member.length + 1, -1)
    for (let i = members.length - 1; i >= 0 && length() > longest; i--)
      if (members[i].length > longMember) members.splice(i, 1)
    while (length() > longest) members.pop()
    return members.join(',')
  }
}
