import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('..', import.meta.url))
const workflows = path.join(root, '.github/workflows')
const run = promisify(execFile)

interface Step {
  uses?: string
  run?: string
}
interface Job {
  permissions?: Record<string, string>
  'timeout-minutes'?: number
  steps: Step[]
}
interface Workflow {
  permissions?: Record<string, string>
  jobs: Record<string, Job>
}

const files = (await readdir(workflows)).filter((name) => /\.ya?ml$/.test(name))

test.each(files)(
  '%s: actions by commit, least permissions, a limit, and scripts that exist',
  async (name) => {
    const text = await readFile(path.join(workflows, name), 'utf8')
    const workflow = parse(text) as Workflow
    const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    // Without this key a token may do what the repository's settings say, which may be everything.
    expect(workflow.permissions).toBeDefined()
    for (const line of text.split('\n').filter((one) => /\buses:/.test(one)))
      expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    for (const job of Object.values(workflow.jobs)) {
      expect(job['timeout-minutes']).toBeGreaterThan(0)
      for (const { run: command = '' } of job.steps) {
        // What is written into a shell by GitHub could be a stranger's text: it goes through env instead.
        expect(command).not.toContain('${{')
        for (const [, script] of command.matchAll(/npm run (?:--silent )?([\w:-]+)(?![\w:-]| -w)/g))
          expect(scripts).toHaveProperty(script)
        for (const [script] of command.matchAll(/scripts\/[\w.-]+/g))
          await expect(readFile(path.join(root, script), 'utf8')).resolves.toMatch(/^#!/)
      }
    }
  },
)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-workflows-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Runs a script with a `gh` that answers the listing with `listed` and writes down how it was called. */
async function withGh(listed: string, script: string, ...args: string[]): Promise<string> {
  const calls = path.join(folder, 'calls')
  await writeFile(calls, '')
  const gh = `#!/bin/sh\necho "$@" >> '${calls}'\ncase "$*" in *--paginate*|*'run list'*) printf '%s' '${listed}';; esac\n`
  await writeFile(path.join(folder, 'gh'), gh)
  await chmod(path.join(folder, 'gh'), 0o755)
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  const { stdout } = await run(path.join(root, 'scripts', script), args, { env, cwd: folder })
  return `${await readFile(calls, 'utf8')}${stdout}`
}

test('the comment of the gate is written once and then updated in place', async () => {
  const comment = path.join(folder, 'gate.md')
  await writeFile(comment, '<!-- tapescope-gate -->\n**PASS**\n')
  const first = await withGh('', 'comment-pull-request.sh', 'desk/engine', '7', comment)
  expect(first).toContain(`api repos/desk/engine/issues/7/comments --field body=@${comment}`)
  expect(first).not.toContain('PATCH')
  const again = await withGh('41\n42\n', 'comment-pull-request.sh', 'desk/engine', '7', comment)
  expect(again).toContain(`--method PATCH repos/desk/engine/issues/comments/41 --field body=@${comment}`)
  await writeFile(comment, 'not a comment of the gate\n')
  await expect(withGh('', 'comment-pull-request.sh', 'desk/engine', '7', comment)).rejects.toThrow(
    'does not begin with a marker',
  )
})

test('kept results are told oldest first', async () => {
  const told = await withGh('30\n10\n20\n', 'fetch-bench-history.sh', 'desk/engine', 'history')
  const files = told.split('\n').filter((line) => line.endsWith('bench.json') && !line.startsWith('run'))
  expect(files).toEqual(['history/10/bench.json', 'history/20/bench.json', 'history/30/bench.json'])
})
