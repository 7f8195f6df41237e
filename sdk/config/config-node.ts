/** A mapping of the configuration file that knows which of its keys were read, so that the others can be refused. */
export class ConfigNode {
  readonly path: string
  private readonly file: string
  private readonly entries: Map<string, unknown>
  private readonly read = new Set<string>()
  private readonly below: ConfigNode[] = []

  constructor(value: unknown, file: string, path: string) {
    this.file = file
    this.path = path
    this.entries = new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}))
  }

  any(key: string): unknown {
    this.read.add(key)
    return this.entries.get(key)
  }

  text(key: string): string | undefined {
    const value = this.any(key)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string') return value
    throw this.problem(key, 'give a text')
  }

  number(key: string): number | undefined {
    const value = this.any(key)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'number' && value >= 0) return value
    throw this.problem(key, 'give a number of at least 0')
  }

  boolean(key: string): boolean | undefined {
    const value = this.any(key)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'boolean') return value
    throw this.problem(key, 'give true or false')
  }

  /** The mapping at `key`, an empty one when it is there without a value. */
  child(key: string): ConfigNode | undefined {
    if (!this.entries.has(key)) return undefined
    return this.descend(this.any(key), key)
  }

  children(key: string): ConfigNode[] {
    const value = this.any(key)
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) throw this.problem(key, 'give a list')
    return value.map((one, i) => this.descend(one, `${key}[${i}]`))
  }

  /** The one key of this mapping, which names a kind. */
  only(): string {
    const [key, ...more] = this.entries.keys()
    if (key === undefined || more.length > 0) throw this.problem('', 'give exactly one key')
    this.read.add(key)
    return key
  }

  /** @throws TypeError that names this place when `parse` refuses the text */
  check<Value>(text: string, parse: (text: string) => Value): Value {
    try {
      return parse(text)
    } catch (error) {
      throw this.problem('', error instanceof Error ? error.message : 'not readable')
    }
  }

  cannot(key: string): TypeError {
    return this.problem(key, 'this SDK does not have it')
  }

  /** @throws TypeError that names every key below that nobody has read */
  refuseTheRest(): void {
    const unknown = [...this.unknown()]
    if (unknown.length === 0) return
    throw new TypeError(
      `The configuration file ${this.file} has ${unknown.length === 1 ? 'a key' : 'keys'} that this SDK does not know: ` +
        unknown.join(', '),
    )
  }

  private *unknown(): Iterable<string> {
    for (const key of this.entries.keys()) if (!this.read.has(key)) yield this.at(key)
    for (const node of this.below) yield* node.unknown()
  }

  private descend(value: unknown, key: string): ConfigNode {
    const node = new ConfigNode(value, this.file, this.at(key))
    this.below.push(node)
    return node
  }

  private at(key: string): string {
    return [this.path, key].filter((part) => part !== '').join('.')
  }

  /** An error that names this file and this place. */
  problem(key: string, what: string): TypeError {
    return new TypeError(`The configuration file ${this.file} at ${this.at(key)}: ${what}.`)
  }
}
