import { readdir } from 'node:fs/promises'
import type { BenchCase } from './case.ts'

const folder = new URL('cases/', import.meta.url)

/** Names of the files that hold cases, without their ending, in order. */
async function caseFiles(): Promise<string[]> {
  const names = await readdir(folder)
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -3))
    .sort()
}

/** Loads one file and checks that each of its cases carries the file's name, so that a case is found by its name. */
async function loadFile(file: string): Promise<BenchCase[]> {
  const module = (await import(new URL(`${file}.ts`, folder).href)) as {
    default?: BenchCase | readonly BenchCase[]
  }
  if (module.default === undefined) throw new Error(`bench/cases/${file}.ts has no default export`)
  const cases = [module.default].flat()
  for (const one of cases) {
    if (one.name.split('/')[0] !== file)
      throw new Error(`bench/cases/${file}.ts: the case ${one.name} must be named ${file}/...`)
  }
  return cases
}

export async function allCases(): Promise<BenchCase[]> {
  const cases = (await Promise.all((await caseFiles()).map(loadFile))).flat()
  const seen = new Set<string>()
  for (const { name } of cases) {
    if (seen.has(name)) throw new Error(`two cases are named ${name}`)
    seen.add(name)
  }
  return cases
}

/** Loads only the file that the name points to. Throws a sentence when there is no such case. */
export async function caseNamed(name: string): Promise<BenchCase> {
  const file = name.split('/')[0]
  const files = await caseFiles()
  const found = files.includes(file) ? (await loadFile(file)).find((one) => one.name === name) : undefined
  if (found === undefined) throw new Error(`no case is named ${name}; files with cases: ${files.join(', ')}`)
  return found
}
