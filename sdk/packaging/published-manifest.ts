export interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** Fields that mean something in the workspace only. */
const workspaceOnly = new Set(['private', 'scripts', 'devDependencies'])

/** package.json of the published package: the same, with JavaScript and declarations in the place of TypeScript. */
export function publishedManifest(manifest: Manifest): Manifest {
  const kept = Object.entries(manifest).filter(([field]) => !workspaceOnly.has(field))
  const js = (file: string): string => file.replace(/\.ts$/, '.js')
  const entries = Object.entries(manifest.exports).map(([path, file]) => [
    path,
    file.endsWith('.ts') ? { types: file.replace(/\.ts$/, '.d.ts'), default: js(file) } : file,
  ])
  const bins = Object.entries(manifest.bin).map(([name, file]) => [name, js(file)])
  return {
    ...Object.fromEntries(kept),
    exports: Object.fromEntries(entries) as Manifest['exports'],
    bin: Object.fromEntries(bins) as Manifest['bin'],
  }
}
