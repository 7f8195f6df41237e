import { existsSync, readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter(Boolean)

/** GitHub's anchor of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchors = (file: string) =>
  [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) => anchor(match[1]))

/** The links of a page that lead nowhere inside the repository. */
function broken(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1])
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [path, fragment] = target.split('#')
    const file = path ? join(root, dirname(page), path) : join(root, page)
    return !existsSync(file) || (fragment !== undefined && !anchors(file).includes(fragment))
  })
}

test.each(pages)('internal links of %s lead somewhere', (page) => {
  expect(broken(page)).toEqual([])
})

test('each alert links to its entry in the runbook', () => {
  const rules = readFileSync(join(root, 'collector/prometheus/rules/alerts.yml'), 'utf8')
  const entries = anchors(join(root, 'docs/runbook.md'))
  const links = [...rules.matchAll(/runbook: docs\/runbook\.md#(\S+)/g)].map((match) => match[1])
  expect(links.length).toBeGreaterThan(9)
  for (const link of links) expect(entries).toContain(link)
})
