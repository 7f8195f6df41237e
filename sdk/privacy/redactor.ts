import type { Context } from '@opentelemetry/api'
import type { LogRecordProcessor, ReadWriteLogRecord } from '@opentelemetry/sdk-logs'
import type { Settings } from '../config/settings.ts'
import { remembered } from '../remembered.ts'
import {
  masked,
  maskMessage,
  maskPath,
  maskQuery,
  maskSecrets,
  maskStatement,
  maskUrl,
  sensitiveName,
} from './mask-text.ts'

type RedactionSettings = Pick<Settings, 'errorMessages' | 'redactKeys' | 'captureStatements'>

/** Takes secrets out of what is about to be emitted. */
export interface Redactor {
  /** Changes the values of an attribute object in place. */
  attributes(attributes: Record<string, unknown>): void
  /** A text of a person or a program: a span's name, a log line. */
  text(text: string): string
  /** The message of an error. */
  message(text: string): string
}

type Rule = (value: string) => string | undefined

/** A redactor by the settings. Undefined as a rule's answer takes the attribute away. */
export function createRedactor({
  errorMessages,
  redactKeys,
  captureStatements,
}: RedactionSettings): Redactor {
  const more = redactKeys.map((key) => key.toLowerCase())
  const message = (text: string): string =>
    errorMessages === 'full' ? text : errorMessages === 'none' ? '' : maskMessage(text)
  const statement: Rule = captureStatements ? maskStatement : () => undefined
  const rules: Record<string, Rule> = {
    'db.query.text': statement,
    'db.statement': statement,
    'db.postgresql.values': () => undefined,
    'exception.message': message,
    'error.message': message,
    'exception.stacktrace': (text) => maskStack(text, message),
    'url.full': maskUrl,
    'http.url': maskUrl,
    'http.target': maskUrl,
    'url.path': remembered(maskPath, isShort),
    'url.query': remembered(maskQuery, isShort),
    'url.fragment': () => undefined,
    'process.command': () => undefined,
    'process.command_line': () => undefined,
    'process.command_args': () => undefined,
  }

  // Names and short values come again and again: what was found out about one is kept.
  const secrets = remembered(maskSecrets, isShort)
  const ruleFor = remembered(findRule)

  function findRule(key: string): Rule {
    if (Object.hasOwn(rules, key)) return rules[key]
    if (key.startsWith('db.query.parameter.')) return () => undefined
    const lower = key.toLowerCase()
    if (sensitiveName.test(key) || more.some((part) => lower.includes(part))) return () => masked
    return secrets
  }

  const applied = (rule: Rule, value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return rule(value)
    if (rule !== secrets) return rule('') === undefined ? undefined : masked
    if (depth === 0 || typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
    if (Array.isArray(value)) return value.map((one: unknown) => applied(rule, one, depth - 1))
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, applied(ruleFor(key), one, depth - 1)]),
    )
  }

  return {
    attributes(attributes) {
      for (const key of Object.keys(attributes)) {
        const before = attributes[key]
        const rule = ruleFor(key)
        if (typeof before === 'number' && rule === secrets) continue
        const after = applied(rule, before, 4)
        if (after === undefined) delete attributes[key]
        else if (after !== before) attributes[key] = after
      }
    },
    text: secrets,
    message,
  }
}

const isShort = (text: string): boolean => text.length <= 128

/** Frames stay, the lines of the message are treated as one. */
function maskStack(stack: string, message: (text: string) => string): string {
  return stack
    .split('\n')
    .map((line) => (/^\s+at /.test(line) ? line : message(line)))
    .filter((line) => line !== '')
    .join('\n')
}

/** Redacts every log record before any processor behind it sees it. */
export class LogRedaction implements LogRecordProcessor {
  private readonly redactor: Redactor

  constructor(redactor: Redactor) {
    this.redactor = redactor
  }

  onEmit(record: ReadWriteLogRecord, _context?: Context): void {
    this.redactor.attributes(record.attributes)
    if (typeof record.body === 'string') record.setBody(this.redactor.text(record.body))
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
