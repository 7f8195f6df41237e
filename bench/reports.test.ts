import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { gateResult, isCompared } from './gate-result.ts'
import { gateComment } from './report-comment.ts'
import { gateReport, gateSentence } from './report-gate.ts'
import { gatePage } from './report-html.ts'
import { readJson } from './result.ts'

/** The kept result of a real comparison of two revisions; docs/benchmarks.md shows what is made of it. */
const file = (name: string): string => fileURLToPath(new URL(`../docs/gate-example/${name}`, import.meta.url))
const result = await readJson(file('gate.json'), gateResult)

test.each([
  ['gate.html', gatePage(result)],
  ['gate.md', gateComment(result)],
])('%s is what the gate makes of the kept result (UPDATE=1 writes it anew)', async (name, text) => {
  if (process.env['UPDATE'] === '1') await writeFile(file(name), text)
  expect(await readFile(file(name), 'utf8')).toBe(text)
})

test('the reports tell the numbers of the result', () => {
  const [console_, comment, page] = [gateReport(result), gateComment(result), gatePage(result)]
  const compared = result.cases.filter(isCompared)
  expect(compared.length).toBeGreaterThan(0)
  for (const text of [console_, comment, page]) {
    expect(text).toContain(gateSentence(result))
    expect(text).toContain(result.environment.machineClass)
    for (const { name } of compared) expect(text).toContain(name)
  }
  expect(comment.split('\n')[0]).toBe('<!-- tapescope-gate -->')
  for (const line of console_.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('the page is one file that asks for nothing and lets no markup of a name through', () => {
  const page = gatePage({ ...result, base: { ...result.base, name: '<img src=x onerror=alert(1)>' } })
  expect(page).not.toMatch(/<script|<link|<img|url\(|https?:/)
  expect(page).toContain('&lt;img src=x')
  expect(page.match(/<circle/g)).toHaveLength(result.cases.filter(isCompared).length + 1)
})
