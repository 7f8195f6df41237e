// Sets the version of the whole repository: all workspaces are released together and have one number.
//   npx node scripts/set-version.ts 0.2.0
// `npm version --workspaces` would leave what the workspaces ask of each other at the old number.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Manifest {
  version: string
  workspaces?: string[]
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

/** The number everywhere where it stands, under `root`. @throws Error for what is no version */
export function setVersion(root: string, version: string): void {
  if (!/^\d+\.\d+\.\d+(-[0-9a-z.-]+)?$/.test(version)) throw new Error(`${version} is no version like 0.2.0`)
  const rewrite = (name: string, change: (text: string) => string) => {
    const file = join(root, name)
    writeFileSync(file, change(readFileSync(file, 'utf8')))
  }
  const setIn = (manifest: Manifest) => {
    manifest.version = version
    for (const dependencies of [manifest.dependencies, manifest.devDependencies])
      for (const name of Object.keys(dependencies ?? {}))
        if (name.startsWith('@tapescope/')) dependencies![name] = version
  }
  const json = (text: string, change: (parsed: never) => void) => {
    const parsed = JSON.parse(text) as never
    change(parsed)
    return `${JSON.stringify(parsed, null, 2)}\n`
  }
  const { version: before, workspaces = [] } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Manifest
  for (const folder of ['.', ...workspaces])
    rewrite(join(folder, 'package.json'), (text) => json(text, setIn))
  rewrite('package-lock.json', (text) =>
    json(text, (lock: { version: string; packages: Record<string, Manifest> }) => {
      lock.version = version
      for (const folder of ['', ...workspaces]) setIn(lock.packages[folder])
    }),
  )
  for (const file of ['sdk/package-version.ts', 'docker-compose.yml'])
    rewrite(file, (text) => {
      if (!text.includes(before)) throw new Error(`${file} does not name ${before}`)
      return text.replaceAll(before, version)
    })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [version = ''] = process.argv.slice(2)
  try {
    setVersion(join(import.meta.dirname, '..'), version)
    console.log(`${version} everywhere; what is left is its section in CHANGELOG.md and the tag v${version}`)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
