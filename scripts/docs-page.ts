import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import GithubSlugger from 'github-slugger'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { toString } from 'mdast-util-to-string'
import { visit } from 'unist-util-visit'

export const root = path.join(import.meta.dirname, '..')

/** All Markdown pages of the repository, relative to its root. */
export const pages: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter(Boolean)

/** A fenced block: its language, the words after it (`key` or `key=value`), its text, and where it begins. */
export interface Fence {
  language: string
  words: ReadonlyMap<string, string>
  text: string
  line: number
}

/** What the tests ask of a page: where its links lead, which anchors it has, what its fenced blocks hold. */
export interface Page {
  links: readonly string[]
  anchors: ReadonlySet<string>
  fences: readonly Fence[]
  /** Code inside of sentences and tables. */
  codespans: readonly string[]
  /** Lines on which a block of code begins that is indented and not fenced. */
  indented: readonly number[]
}

export const readPage = (name: string): Page => parsePage(readFileSync(path.join(root, name), 'utf8'))

export function parsePage(text: string): Page {
  const links: string[] = []
  const anchors = new Set<string>()
  const fences: Fence[] = []
  const codespans: string[] = []
  const indented: number[] = []
  const slugger = new GithubSlugger()
  visit(fromMarkdown(text), (node) => {
    if (node.type === 'link' || node.type === 'image' || node.type === 'definition') links.push(node.url)
    if (node.type === 'heading') anchors.add(slugger.slug(toString(node)))
    if (node.type === 'inlineCode') codespans.push(node.value)
    if (node.type !== 'code' || node.position === undefined) return
    const { line, offset = 0 } = node.position.start
    // An indented block begins with its text, a fenced one with its fence.
    if (!/^(`{3}|~{3})/.test(text.slice(offset))) indented.push(line)
    else
      fences.push({
        language: node.lang ?? '',
        words: wordsOf(node.meta ?? ''),
        text: node.value,
        line,
      })
  })
  return { links, anchors, fences, codespans, indented }
}

/** The words after a fence's language: `background until="Done in"`. */
const wordsOf = (meta: string): ReadonlyMap<string, string> =>
  new Map(
    [...meta.matchAll(/([\w-]+)(?:=(?:"([^"]*)"|(\S+)))?/g)].map(([, key, quoted, bare]) => [
      key,
      quoted ?? bare ?? '',
    ]),
  )

/** A line of output without what may differ from one run to the next: numbers, ids, bar charts, widths. */
export const masked = (line: string): string =>
  line
    .replaceAll(/[▁-█]/g, '')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{16,32}\b/g, '#')
    .replaceAll(/\d[\d,.:TZ-]*/g, '#')
    .replaceAll(/\s+/g, ' ')
    .trim()
