import { parseArgs, type ParseArgsConfig } from 'node:util'

/** What the user asked for cannot be done, as a sentence: for stderr, exit code 2. */
export class CommandError extends Error {}

/** It cannot be meant: how the command is used is told as well. */
export class UsageError extends CommandError {}

type CommandOptions = NonNullable<ParseArgsConfig['options']>

interface CommandLine<Options extends CommandOptions> {
  readonly values: ReturnType<typeof parseArgs<{ options: Options }>>['values']
  /** Words that are no option. */
  readonly words: readonly string[]
  /** What stands after `--`: a program and its arguments. */
  readonly program: readonly string[]
}

/**
 * A subcommand: reads `options words -- program`, answers --help, and turns what cannot be meant into a sentence and
 * exit code 2. `work` answers with the exit code. The first line of `usage` shows how it is called.
 */
export function command<Options extends CommandOptions>(
  usage: string,
  options: Options,
  work: (line: CommandLine<Options>) => Promise<number>,
): (argv: readonly string[]) => Promise<number> {
  return async (argv) => {
    const split = argv.indexOf('--')
    const args = argv.slice(0, split < 0 ? argv.length : split)
    if (args.includes('--help') || args.includes('-h')) {
      process.stdout.write(usage)
      return 0
    }
    try {
      const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
      return await work({ values, words: positionals, program: split < 0 ? [] : argv.slice(split + 1) })
    } catch (error) {
      const misused = error instanceof UsageError || isOfOptions(error)
      if (!misused && !(error instanceof CommandError)) throw error
      const [call] = usage.split('\n', 1)
      process.stderr.write(`${error.message}\n${misused ? `\n  ${call}\n\n--help tells more.\n` : ''}`)
      return 2
    }
  }
}

function isOfOptions(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
}

/** @throws UsageError unless the text is a number that `fits` */
export function numberOption(
  text: string,
  name: string,
  wanted: string,
  fits: (value: number) => boolean,
): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (!fits(value)) throw new UsageError(`${name} is "${text}": give ${wanted}.`)
  return value
}

/** @throws UsageError unless the text is an http URL */
export function urlOption(text: string, name: string, example: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new UsageError(`${name} is "${text}": give a URL such as ${example}`)
  return text
}
