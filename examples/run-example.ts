import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Where a sidecar of the caller's takes spans and shows them. */
export interface Sidecar {
  readonly otlp: string
  readonly viewer: string
}

/** Folders of the examples, `01-first-span` and so on. */
export const folders = readdirSync(import.meta.dirname)
  .filter((name) => /^\d\d-/.test(name))
  .toSorted()

/**
 * Runs an example's `main.ts` with its telemetry going to the sidecar; then each trace whose id it printed is shown by
 * `tapescope trace`, as a person would look it up. `write` gets the text as it comes. Answers
 * with the example's exit code.
 */
export async function runExample(
  folder: string,
  { otlp, viewer }: Sidecar,
  write: (text: string) => void,
): Promise<number | null> {
  const env = {
    ...process.env,
    NO_COLOR: '1',
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp,
    TAPESCOPE_VIEWER_URL: viewer,
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, folder, 'main.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    write(text)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) return code
  const cli = fileURLToPath(import.meta.resolve('@tapescope/sdk/package.json')).replace(
    'package.json',
    'cli.ts',
  )
  for (const traceId of new Set(said.match(/\b[0-9a-f]{32}\b/g))) {
    write(`\n$ npx tapescope trace ${traceId}\n`)
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'trace', traceId], { env })
    write(stdout)
  }
  return code
}
