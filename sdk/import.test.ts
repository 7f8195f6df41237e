import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const program = `
import { registerHooks } from 'node:module'
const loaded = new Set()
registerHooks({
  load(url, context, next) {
    loaded.add(url)
    return next(url, context)
  },
})
await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)})
console.log(JSON.stringify([...loaded]))
`

it('needs the OpenTelemetry API alone until telemetry starts', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  const packages = (JSON.parse(stdout) as string[]).flatMap(
    (url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [],
  )
  expect([...new Set(packages)]).toEqual(['@opentelemetry/api'])
})
