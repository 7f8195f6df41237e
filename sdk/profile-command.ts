import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { profileTotals, type ProfileDocument } from './profile-document.ts'
import type { ProfileOptions } from './profile.ts'

const usage = `tapescope profile [options] -- node app.js [arguments]

Runs the program, samples its CPU time (1 kHz) and joins the samples to its OpenTelemetry spans.
Writes NAME.speedscope.json, NAME.cpuprofile and NAME.tapescope.json.

  --out NAME       where to write, without extension (default profile-PID)
  --async          follow asynchronous spans too (async_hooks: costs more)
  --heap           sample heap allocation as well
  --interval-us N  distance of two samples (default 1000)
  --sidecar URL    send the samples to a sidecar's viewer (http://127.0.0.1:4319)
`

/** `tapescope profile`: answers with the exit code of the program, 2 for a command line that cannot be meant. */
export async function profileCommand(argv: readonly string[]): Promise<number> {
  const split = argv.indexOf('--')
  const program = split < 0 ? [] : argv.slice(split + 1)
  let values
  try {
    ;({ values } = parseArgs({
      args: argv.slice(0, split < 0 ? argv.length : split),
      options: {
        out: { type: 'string' },
        async: { type: 'boolean' },
        heap: { type: 'boolean' },
        'interval-us': { type: 'string' },
        sidecar: { type: 'string' },
        help: { type: 'boolean' },
      },
    }))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return 2
  }
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const intervalUs = Number(values['interval-us'] ?? 1000)
  const problem = !program[0]
    ? 'Say what to run after --, such as: tapescope profile -- node app.js'
    : !Number.isInteger(intervalUs) || intervalUs < 50
      ? `--interval-us is ${values['interval-us']}; give whole microseconds, 50 or more.`
      : values.sidecar !== undefined && !URL.canParse(values.sidecar)
        ? `--sidecar is ${values.sidecar}; give a URL such as http://127.0.0.1:4319`
        : undefined
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n\n${usage}`)
    return 2
  }
  const file = join(process.cwd(), values.out ?? `profile-${process.pid}`)
  const settings: ProfileOptions = {
    file,
    intervalUs,
    async: values.async ?? false,
    heap: values.heap ?? false,
    ...(values.sidecar !== undefined && { sidecar: values.sidecar }),
  }
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const register = new URL(`./profile-register.${extension}`, import.meta.url)
  const [command = '', ...args] = program
  const isNode = /^node(\.exe)?$/.test(basename(command))
  const child = spawn(isNode ? process.execPath : command, args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      TAPESCOPE_PROFILE: JSON.stringify(settings),
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${pathToFileURL(register.pathname).href}`,
    },
  })
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal)
  }
  process.on('SIGINT', forward).on('SIGTERM', forward)
  const code = await new Promise<number>((resolve) => {
    child.once('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`)
      resolve(127)
    })
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
  process.off('SIGINT', forward).off('SIGTERM', forward)
  report(file)
  return code
}

function report(file: string): void {
  let document: ProfileDocument
  try {
    document = JSON.parse(readFileSync(`${file}.tapescope.json`, 'utf8')) as ProfileDocument
  } catch {
    process.stderr.write('tapescope: no profile was written (did the program run Node 22 or later?)\n')
    return
  }
  const all = profileTotals(document)
  const percent = (part: number): string => `${((100 * part) / Math.max(all.totalUs, 1)).toFixed(1)} %`
  const bySpan = new Map<string, number>()
  for (const [i, span] of document.samples.span.entries()) {
    const name = document.spans[span]?.name ?? '(unattributed)'
    bySpan.set(name, (bySpan.get(name) ?? 0) + (document.samples.weightUs[i] ?? 0))
  }
  const lines = [...bySpan]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 12)
    .map(([name, us]) => `  ${(us / 1000).toFixed(1).padStart(10)} ms ${percent(us).padStart(7)}  ${name}`)
  process.stderr.write(
    `\ntapescope: ${all.samples} samples over ${(all.totalUs / 1000).toFixed(0)} ms; ` +
      `garbage collection ${percent(all.gcUs)}, idle ${percent(all.idleUs)}, native ${percent(all.programUs)}\n` +
      `${lines.join('\n')}\n  ${file}.speedscope.json (also .cpuprofile, .tapescope.json)\n`,
  )
}
