import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { pages, parsePage, readPage, root, type Fence } from './docs-page.ts'

const scripts = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

/** What may stand after a fence, by language; `docs.system.test.ts` gives them their meaning. */
const known: Readonly<Record<string, readonly string[]>> = {
  sh: ['background', 'until', 'exit', 'needs', 'long', 'elsewhere'],
  text: ['output'],
}

/** The links of a page that lead nowhere inside the repository. */
function broken(page: string): string[] {
  return readPage(page).links.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [file, fragment] = decodeURI(target).split('#')
    const name = file ? path.join(path.dirname(page), file) : page
    if (!existsSync(path.join(root, name))) return true
    return fragment !== undefined && name.endsWith('.md') && !readPage(name).anchors.has(fragment)
  })
}

/** `npm run X` anywhere in a page where there is no script X. */
function unknownScripts(page: string): string[] {
  const { codespans, fences } = readPage(page)
  const code = [...codespans, ...fences.filter((one) => one.language === 'sh').map((one) => one.text)]
  return code
    .flatMap((text) => [...text.matchAll(/npm run (?:--silent )?([\w:.-]+)(?![\w:.-]| -w)/g)])
    .filter(([, script]) => !(script in scripts.scripts))
    .map(([whole]) => whole)
}

/** What is wrong with a fenced block. */
function faults({ language, words, text, line }: Fence): string[] {
  const found: string[] = []
  if (language === '') found.push('has no language')
  for (const word of words.keys())
    if (!(known[language] ?? []).includes(word)) found.push(`says ${word}, which nobody knows`)
  const kept = words.get('long') ?? words.get('elsewhere')
  if (kept !== undefined && !existsSync(path.join(root, kept))) found.push(`there is no ${kept}`)
  try {
    if (language === 'json') JSON.parse(text)
    if (language === 'yaml') parse(text)
  } catch (error) {
    found.push(String(error))
  }
  return found.map((fault) => `line ${line}: ${fault}`)
}

test.each(pages)('%s: links lead somewhere, scripts exist, blocks say what they are', (page) => {
  const { fences, indented } = readPage(page)
  expect(broken(page)).toEqual([])
  expect(unknownScripts(page)).toEqual([])
  expect(indented, 'indented code has no language: fence it').toEqual([])
  expect(fences.flatMap(faults)).toEqual([])
})

test('each script installs first what is missing: any of them may be the first on a fresh clone', () => {
  const names = Object.keys(scripts.scripts).filter((name) => !name.startsWith('pre'))
  expect(names.filter((name) => scripts.scripts[`pre${name}`] !== scripts.scripts['prestart'])).toEqual([])
})

test('each alert links to its entry in the runbook', () => {
  const rules = readFileSync(path.join(root, 'collector/prometheus/rules/alerts.yml'), 'utf8')
  const { anchors } = readPage('docs/guide/runbook.md')
  const links = [...rules.matchAll(/runbook: docs\/guide\/runbook\.md#(\S+)/g)].map(([, link]) => link)
  expect(links.length).toBeGreaterThan(9)
  for (const link of links) expect(anchors).toContain(link)
})

test('a page is read as GitHub shows it', () => {
  const page = parsePage(
    '# One `code`\n\n## One\n\n## One\n\n[a](b.md#c "t") ![p](q.png)\n\n- ```sh exit=2 until="Done in"\n  npm run x\n  ```\n\n~~~\n[not](a-link)\n~~~\n\n    indented\n',
  )
  expect([...page.anchors]).toEqual(['one-code', 'one', 'one-1'])
  expect(page.links).toEqual(['b.md#c', 'q.png'])
  expect(page.codespans).toEqual(['code'])
  expect(page.fences.map(({ language, text, line }) => [language, text, line])).toEqual([
    ['sh', 'npm run x', 9],
    ['', '[not](a-link)', 13],
  ])
  expect(page.fences[0].words).toEqual(
    new Map([
      ['exit', '2'],
      ['until', 'Done in'],
    ]),
  )
  expect(page.indented).toEqual([17])
})
