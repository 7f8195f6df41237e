import { parseArgs, type ParseArgsConfig } from 'node:util'

/** What the user asked for cannot be done: a sentence for stderr, exit code 2. `hint` adds the usage below it. */
export class CommandError extends Error {
  readonly hint: boolean
  constructor(message: string, { hint = false, cause }: { hint?: boolean; cause?: unknown } = {}) {
    super(message, { cause })
    this.hint = hint
  }
}

export type CommandOptions = NonNullable<ParseArgsConfig['options']>

export interface CommandLine<Options extends CommandOptions> {
  readonly values: ReturnType<typeof parseArgs<{ options: Options }>>['values']
  /** Words that are no option. */
  readonly words: readonly string[]
  /** What stands after `--`: a program and its arguments. */
  readonly program: readonly string[]
}

/**
 * A subcommand: reads `options words -- program`, answers --help, and turns what cannot be meant into a sentence and
 * exit code 2. `work` answers with the exit code.
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
      const ofOptions = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
      if (!ofOptions && !(error instanceof CommandError)) throw error
      const hint = ofOptions || (error as CommandError).hint
      process.stderr.write(`${(error as Error).message}\n${hint ? `\n${usage}` : ''}`)
      return 2
    }
  }
}

/** @throws CommandError unless the text is a number that `fits` */
export function numberOption(
  text: string,
  name: string,
  wanted: string,
  fits: (value: number) => boolean,
): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (!fits(value)) throw new CommandError(`${name} is "${text}": give ${wanted}.`)
  return value
}

/** @throws CommandError unless the text is an http URL */
export function urlOption(text: string, name: string, example: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new CommandError(`${name} is "${text}": give a URL such as ${example}`)
  return text
}
