// npm run example -- 01: starts a sidecar for the example, runs it, shows the traces that it names, ends both.
// With --keep the sidecar stays until Ctrl-C, for a look at its viewer. Without a number it lists the examples.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spawnSidecar } from '../collector/spawn-sidecar.ts'
import { folders, runExample } from './run-example.ts'

const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean' } }, allowPositionals: true })
const [wanted] = positionals
const folder = folders.find(
  (name) => wanted !== undefined && (name === wanted || name.startsWith(`${wanted.padStart(2, '0')}-`)),
)
if (folder === undefined) {
  for (const name of folders) {
    const [title = ''] = readFileSync(join(import.meta.dirname, name, 'README.md'), 'utf8').split('\n')
    console.log(`npm run example -- ${title.replace('# ', '').replace(' ', '  ')}`)
  }
  if (wanted !== undefined) console.error(`There is no example ${wanted}.`)
  process.exitCode = wanted === undefined ? 0 : 2
} else {
  const sidecar = await spawnSidecar({ files: [], args: ['--no-data-dir'] })
  const { viewer, 'OTLP/HTTP': otlp } = sidecar.urls
  try {
    process.exitCode = (await runExample(folder, { otlp, viewer }, (text) => process.stdout.write(text))) ?? 1
    if (values.keep === true) {
      console.log(`\nLook around at ${viewer}; Ctrl-C ends it.`)
      await once(process, 'SIGINT')
    }
  } finally {
    sidecar.child.kill()
    if (sidecar.child.exitCode === null) await once(sidecar.child, 'exit')
  }
}
