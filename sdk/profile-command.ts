import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs'
import { constants as os } from 'node:os'
import { dirname, relative, resolve } from 'node:path'
import { command, CommandError, numberOption, UsageError } from './command-line.ts'
import { openInBrowser } from './open-in-browser.ts'
import type { ProfileDocument } from './profile-document.ts'
import { renderSummary, summarise } from './profile-summary.ts'
import { joinDocuments } from './profile-sample-log.ts'
import { writeProfile } from './profile-write.ts'
import type { ProfileOptions } from './profile.ts'
import { runNodeProgram } from './run-node-program.ts'
import { defaultViewer, findFlameGraph, viewerAnswers, viewerUrl } from './viewer-client.ts'

const usage = `tapescope profile [options] -- node app.js [arguments]

Runs the program, samples its CPU time (1 kHz) and joins the samples to its
OpenTelemetry spans. Writes NAME.speedscope.json, NAME.cpuprofile and
NAME.tapescope.json, and prints where the time went. When a sidecar runs, the
samples go to its viewer too, and the link to the flame graph is printed. The
exit code is the program's.

  --out NAME       where to write, without extension (default profile-PID)
  --async          follow asynchronous spans past their first await
                   (async_hooks: every promise pays for it)
  --heap           sample heap allocation as well
  --interval-us N  distance of two samples (default 1000)
  --on SIGNAL      write what is there whenever the program gets this signal,
                   such as SIGUSR2, to NAME-TIME...
  --ring SECONDS   keep only the last so many (default: all of the run)
  --viewer URL     the sidecar's viewer (TAPESCOPE_VIEWER_URL), default
                   ${defaultViewer}
  --no-viewer      only files
  --open           open the flame graph in the browser
  --json           the summary as JSON; the program's output goes to stderr
`

/** `tapescope profile`: answers with the exit code of the program, 2 for a command line that cannot be meant. */
export const profileCommand = command(
  usage,
  {
    out: { type: 'string' },
    async: { type: 'boolean' },
    heap: { type: 'boolean' },
    'interval-us': { type: 'string' },
    on: { type: 'string' },
    ring: { type: 'string' },
    viewer: { type: 'string' },
    'no-viewer': { type: 'boolean' },
    open: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async ({ values, words, program }) => {
    if (program.length === 0 || words.length > 0)
      throw new UsageError('Say what to run after --, such as: tapescope profile -- node app.js')
    const file = resolve(values.out ?? `profile-${process.pid}`)
    const { viewer, notice } = values['no-viewer'] ? {} : await chooseViewer(values.viewer)
    const settings = {
      ...readSettings(values),
      file,
      journal: `${file}.partial`,
      ...(viewer && { sidecar: viewer }),
    }
    checkFolder(dirname(file))
    // What an earlier run left must not be taken for this one's.
    for (const suffix of ['.tapescope.json', '.heapprofile', '.partial'])
      rmSync(file + suffix, { force: true })

    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const end = await runNodeProgram(program, {
      preload: new URL(`./profile-register.${extension}`, import.meta.url).href,
      env: { TAPESCOPE_PROFILE: JSON.stringify(settings) },
      stdio: values.json ? ['inherit', process.stderr, 'inherit'] : 'inherit',
    })
    if (end.problem !== undefined) {
      process.stderr.write(`${end.problem}\n`)
      return end.code
    }
    const tell = (line: string): void => void process.stderr.write(`tapescope: ${line}\n`)
    if (notice !== undefined) tell(notice)
    const document = readDocument(file, settings.journal, tell)
    if (document === undefined) {
      tell(
        end.signal === 'SIGKILL'
          ? 'no profile: the program was killed before its first seconds were sampled.'
          : 'no profile was written: what runs after -- must be Node 22 or later.',
      )
      return end.code
    }
    const summary = summarise(document)
    const link = viewer === undefined ? undefined : await findFlameGraph(viewer, document)
    const suffixes = ['.speedscope.json', '.cpuprofile', '.tapescope.json']
    if (existsSync(`${file}.heapprofile`)) suffixes.push('.heap.speedscope.json', '.heapprofile')
    const files = suffixes.map((suffix) => file + suffix)
    if (values.json)
      process.stdout.write(
        `${JSON.stringify({ ...summary, files, flameGraph: link ?? null, exitCode: end.code })}\n`,
      )
    else process.stderr.write(renderSummary(summary, shortPath(file), suffixes, link))
    if (values.open && link !== undefined) openInBrowser(link)
    return end.code
  },
)

/** From here, unless that leads upwards. */
function shortPath(file: string): string {
  const path = relative(process.cwd(), file)
  return path.startsWith('..') ? file : path
}

interface Given {
  readonly async?: boolean | undefined
  readonly heap?: boolean | undefined
  readonly 'interval-us'?: string | undefined
  readonly on?: string | undefined
  readonly ring?: string | undefined
}

/** They end a process, stop it, or (SIGUSR1) open Node's inspector. */
const notFree = new Set(['SIGKILL', 'SIGSTOP', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'])

function readSettings(values: Given): ProfileOptions {
  const { on, ring } = values
  if (on !== undefined && (!Object.hasOwn(os.signals, on) || notFree.has(on)))
    throw new UsageError(`--on is "${on}": give one that has no other meaning, such as SIGUSR2.`)
  const wholeUs = (value: number): boolean => Number.isInteger(value) && value >= 50 && value <= 1e6
  return {
    async: values.async ?? false,
    heap: values.heap ?? false,
    intervalUs: numberOption(
      values['interval-us'] ?? '1000',
      '--interval-us',
      'whole microseconds from 50 to 1000000',
      wholeUs,
    ),
    ...(on !== undefined && { dumpOn: on as NodeJS.Signals }),
    ...(ring !== undefined && {
      ringSeconds: numberOption(ring, '--ring', 'seconds above 0', (value) => value > 0),
    }),
  }
}

/** One that is asked for and does not answer is told of; the usual one may be absent. */
async function chooseViewer(given: string | undefined): Promise<{ viewer?: string; notice?: string }> {
  const asked = given ?? process.env['TAPESCOPE_VIEWER_URL']
  const viewer = viewerUrl(given)
  if (await viewerAnswers(viewer)) return { viewer }
  return asked === undefined
    ? {}
    : { notice: `no viewer answers at ${viewer}: the profile is in files only.` }
}

function checkFolder(folder: string): void {
  try {
    accessSync(folder, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such folder' : 'it cannot be written to'
    throw new CommandError(`--out: nothing can be written in ${folder}: ${why}.`)
  }
}

/** What the program wrote at its end, or what the sampler had put down until it was killed. */
function readDocument(
  file: string,
  journal: string,
  tell: (line: string) => void,
): ProfileDocument | undefined {
  try {
    return JSON.parse(readFileSync(`${file}.tapescope.json`, 'utf8')) as ProfileDocument
  } catch {
    const lines = readLines(journal)
    const documents = lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as ProfileDocument]
      } catch {
        // The one that it was writing when it was killed.
        return []
      }
    })
    const [first, ...rest] = documents
    if (first === undefined) return undefined
    const joined = joinDocuments([first, ...rest])
    writeProfile(file, joined, [])
    rmSync(journal, { force: true })
    tell(
      'the program ended without a chance to write its profile; this is what was sampled until its last seconds.',
    )
    return joined
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}
