/** One exported declaration of a `.d.ts` file as the compiler writes it. */
export interface Declaration {
  readonly name: string
  /** Text of the docstring before it, without its stars. */
  readonly doc: string
  readonly code: string
}

const head = /^export (?:declare )?(?:abstract )?(?:const|function|class|interface|type) (\w+)/

/** Top-level exported declarations with the docstrings that stand right before them. */
export function readDeclarations(text: string): Declaration[] {
  const lines = text.split('\n')
  const found: Declaration[] = []
  let doc: string[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]
    if (line.startsWith('/**')) {
      const begin = i
      while (!lines[i].includes('*/')) i++
      doc = lines.slice(begin, i + 1)
      continue
    }
    const [, name] = head.exec(line) ?? []
    if (name !== undefined) {
      const begin = i
      // The compiler closes a declaration at the margin.
      while (!/[;}]$/.test(lines[i]) || /^\s/.test(lines[i])) i++
      const code = lines.slice(begin, i + 1).join('\n')
      found.push({
        name,
        doc: plain(doc),
        code: code
          .replace(/^export (declare )?/, '')
          .replaceAll(/^( {4})+/gm, (all) => '  '.repeat(all.length / 4)),
      })
    }
    doc = []
  }
  return found
}

const plain = (doc: readonly string[]): string =>
  doc
    .map((line) =>
      line
        .replace(/^\/\*\*\s?/, '')
        .replace(/\s*\*\/$/, '')
        .replace(/^\s*\*\s?/, ''),
    )
    .join('\n')
    .trim()
