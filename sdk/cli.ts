#!/usr/bin/env node
// The `tapescope` command: one table of subcommands. Each module is loaded only when its command is given, takes the
// arguments after the command's name, and answers with the exit code.

interface Subcommand {
  readonly summary: string
  readonly load: () => Promise<(argv: readonly string[]) => number | Promise<number>>
}

const subcommands: Record<string, Subcommand> = {
  doctor: {
    summary: 'find what keeps telemetry from arriving, each with its remedy',
    load: async () => (await import('./doctor/doctor-command.ts')).doctorCommand,
  },
  config: {
    summary: 'show the configuration in effect, secrets masked',
    load: async () => (await import('./config/config-command.ts')).configCommand,
  },
  profile: {
    summary: 'run a program and join its CPU samples to its spans',
    load: async () => (await import('./profile-command.ts')).profileCommand,
  },
  runs: {
    summary: 'runs that the sidecar holds',
    load: async () => (await import('./viewer-commands.ts')).runsCommand,
  },
  trace: {
    summary: 'the spans of a trace as a tree',
    load: async () => (await import('./viewer-commands.ts')).traceCommand,
  },
  compare: {
    summary: 'two runs by span path; exit code 1 past a threshold',
    load: async () => (await import('./viewer-commands.ts')).compareCommand,
  },
}

function usage(): string {
  const width = Math.max(...Object.keys(subcommands).map((name) => name.length))
  const lines = Object.entries(subcommands).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`,
  )
  return `tapescope COMMAND [options]\n\n${lines.join('\n')}\n\ntapescope COMMAND --help tells more.\n`
}

const [name, ...argv] = process.argv.slice(2)
if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
  process.stdout.write(usage())
  process.exitCode = name === undefined ? 2 : 0
} else if (Object.hasOwn(subcommands, name)) {
  const run = await subcommands[name].load()
  process.exitCode = await run(argv)
} else {
  process.stderr.write(`There is no command ${JSON.stringify(name)}.\n\n${usage()}`)
  process.exitCode = 2
}
