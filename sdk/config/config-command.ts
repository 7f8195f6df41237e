import { renderSettings } from './render-settings.ts'
import { resolveSettings } from './resolve-settings.ts'

const usage = `tapescope config

Shows the configuration that a program started here would have: every setting,
its value (secrets masked) and where it comes from.
`

/** `tapescope config`: 0, or 1 when the configuration cannot be meant. */
export async function configCommand(argv: readonly string[]): Promise<number> {
  if (argv.length > 0) {
    const asked = argv.length === 1 && argv[0] === '--help'
    ;(asked ? process.stdout : process.stderr).write(usage)
    return asked ? 0 : 2
  }
  try {
    const resolved = await resolveSettings({}, process.env)
    process.stdout.write(renderSettings(resolved))
    for (const warning of resolved.warnings) process.stderr.write(`${warning}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}
