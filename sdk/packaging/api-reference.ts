import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { Manifest } from './published-manifest.ts'
import { readDeclarations, type Declaration } from './read-declarations.ts'

const sdk = dirname(import.meta.dirname)

/** Paths of the package that are for programs; the others are commands and preloads. */
const shown = ['.', './hono', './testing']

const heads: Record<string, string> = {
  '.': 'Wrappers, instruments, lifecycle, context, logs.',
  './hono': 'Server spans for Hono (a peer dependency).',
  './testing': "For users' own tests; not for production.",
}

/** The API reference as Markdown: every export of the package with its declaration and docstring. Takes a few seconds. */
export function renderApiReference(): string {
  const declarations = emitDeclarations()
  try {
    const manifest = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as Manifest
    const sections = shown.map((path) => {
      const file = join(declarations, manifest.exports[path].replace(/\.ts$/, '.d.ts'))
      const parts = exportsOf(file).map(renderDeclaration)
      const name = path === '.' ? '@tapescope/sdk' : `@tapescope/sdk/${path.slice(2)}`
      return `## ${name}\n\n${heads[path]}\n\n${parts.join('\n')}`
    })
    return (
      '# API of @tapescope/sdk\n\n' +
      '<!-- Made from the docstrings by `npm run docs -w sdk`; a test fails when it is stale. -->\n\n' +
      'Settings are listed in [configuration.md](configuration.md), metrics and spans in [telemetry.md](telemetry.md).\n' +
      '`@tapescope/sdk/register` exports nothing: it is for `node --import`.\n\n' +
      sections.join('\n')
    )
  } finally {
    rmSync(declarations, { recursive: true })
  }
}

function emitDeclarations(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapescope-api-'))
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const options = ['-p', join(sdk, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', folder]
  execFileSync(process.execPath, [tsc, ...options], { stdio: 'inherit' })
  return folder
}

/** The declarations that a file exports, its own and those it passes on, in the order in which it names them. */
function exportsOf(file: string): (Declaration & { readonly from: string })[] {
  const text = readFileSync(file, 'utf8')
  const found: (Declaration & { readonly from: string })[] = []
  for (const [, names = '', module = ''] of text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)) {
    const target = join(dirname(file), module.replace(/\.(js|ts)$/, '.d.ts'))
    const declared = readDeclarations(readFileSync(target, 'utf8'))
    for (const name of names.split(',').map((one) => one.trim().replace(/^type /, ''))) {
      if (name === '') continue
      const all = declared.filter((one) => one.name === name)
      if (all.length === 0) throw new Error(`${relative(sdk, target)} does not declare ${name}`)
      found.push({ ...merge(all), from: module })
    }
  }
  for (const one of readDeclarations(text)) found.push({ ...one, from: '' })
  return found
}

/** Overloads of a function as one. */
function merge(all: readonly Declaration[]): Declaration {
  return {
    name: all[0].name,
    doc: all.map(({ doc }) => doc).find((doc) => doc !== '') ?? '',
    code: all.map(({ code }) => code).join('\n'),
  }
}

const longest = 40

function renderDeclaration({ name, doc, code }: Declaration): string {
  const lines = code.split('\n')
  const shortened = lines.length > longest ? [...lines.slice(0, longest), '  // …'].join('\n') : code
  const text = doc
    .replaceAll(/^@throws /gm, '\n**Throws** ')
    .replaceAll(/^@param (\w+) /gm, '\n`$1`: ')
    .replaceAll(/\n{3,}/g, '\n\n')
  return `### ${name}\n\n${text === '' ? '' : `${text}\n\n`}\`\`\`ts\n${shortened}\n\`\`\`\n`
}
