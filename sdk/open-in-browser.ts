import { spawn } from 'node:child_process'

const openers: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' }

/** Opens a page in the user's browser and does not wait for it; without a browser nothing happens. */
export function openInBrowser(url: string): void {
  const child = spawn(openers[process.platform] ?? 'xdg-open', [url], { stdio: 'ignore', detached: true })
  child.once('error', () => process.stderr.write(`tapescope: no browser could be started; open ${url}\n`))
  child.unref()
}
