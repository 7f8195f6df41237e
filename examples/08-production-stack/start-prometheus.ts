import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The answer's `data` of a path of Prometheus's API. */
export type Ask = <Data>(path: string) => Promise<Data>

/**
 * Prometheus with production's rules, scraping these targets each second; undefined where none is installed.
 * Its data lies in `folder`.
 */
export async function startPrometheus(folder: string, rules: string, targets: Record<string, string>) {
  if (spawnSync('prometheus', ['--version']).status !== 0) return undefined
  const jobs = Object.entries(targets).map(([job, target]) => {
    const { host, pathname } = new URL(target)
    return `- {job_name: ${job}, metrics_path: ${pathname}, honor_labels: true, static_configs: [{targets: ['${host}']}]}`
  })
  const config = join(folder, 'prometheus.yml')
  const head = `global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: ['${rules}']\nscrape_configs:\n`
  writeFileSync(config, `${head}${jobs.join('\n')}\n`)
  const data = join(folder, 'tsdb')
  const options = ['--web.listen-address=127.0.0.1:0', '--enable-feature=exemplar-storage']
  const child = spawn('prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${data}`, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  // It takes a free port, and its log says which.
  const address = await until(async () => /msg="Listening on".*address=(\S+)/.exec(log)?.[1])
  const ask: Ask = async <Data>(path: string) => {
    const response = await fetch(`http://${address}/api/v1/${path}`)
    return ((await response.json()) as { data: Data }).data
  }
  return {
    ask,
    async stop() {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** Asks until the answer is there. @throws Error after a minute */
export async function until<Answer>(ask: () => Promise<Answer>): Promise<NonNullable<Answer>> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(200)) {
    const answer = await ask()
    if (answer) return answer
  }
  throw new Error(`it did not come within a minute: ${ask.toString()}`)
}
