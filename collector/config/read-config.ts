import { readFileSync } from 'node:fs'
import { parse, parseDocument } from 'yaml'

/** A configuration that cannot be run: what is wrong, where, and what would be right. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

type Tree = { [key: string]: unknown }

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads configuration files as the Collector does: maps merge, everything else is replaced by the later file;
 * `${env:NAME}`, `${NAME}` and `${env:NAME:-default}` expand, `$$` is a dollar sign. A value that is nothing but
 * one variable takes the type that its text has in YAML.
 */
export function readConfig(
  files: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Tree {
  let merged: Tree = {}
  for (const file of files) {
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (cause) {
      throw new ConfigError(`cannot read ${file}: ${(cause as Error).message}`, { cause })
    }
    const document = parseDocument(text, { merge: true })
    const [error] = document.errors
    if (error) throw new ConfigError(`${file}: ${error.message}`)
    let root: unknown
    try {
      root = document.toJS({ maxAliasCount: 100 })
    } catch (cause) {
      throw new ConfigError(`${file}: ${(cause as Error).message}`, { cause })
    }
    if (root === null) continue
    if (!isTree(root)) throw new ConfigError(`${file}: the top level must be a map`)
    merged = merge(merged, root)
  }
  return expand(merged, env) as Tree
}

/** A key without a value does not erase what an earlier file said about it. */
export function merge(base: Tree, over: Tree): Tree {
  const out: Tree = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = out[key]
    if (isTree(before) && isTree(value)) out[key] = merge(before, value)
    else if (!(isTree(before) && value === null)) out[key] = value
  }
  return out
}

const VARIABLE = /\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{[^}]*\}?/g

function expand(value: unknown, env: Readonly<Record<string, string | undefined>>): unknown {
  if (Array.isArray(value)) return value.map((item) => expand(item, env))
  if (isTree(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, env)]))
  if (typeof value !== 'string' || !value.includes('$')) return value
  let empty = false
  const text = value.replace(VARIABLE, (match, name: string | undefined, fallback: string | undefined) => {
    if (match === '$$') return '$'
    if (name === undefined)
      throw new ConfigError(
        `${match}: supported are \${env:NAME} and \${env:NAME:-default}; a dollar sign is written $$`,
      )
    empty = env[name] === undefined && fallback === ''
    // As in the Collector: the default is for a variable that is not set, not for an empty one.
    return env[name] ?? fallback ?? ''
  })
  const whole = /^\$\{[^}]*\}$/.test(value)
  return whole && !empty ? (parse(text) as unknown) : text
}
