import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

/** The Nodes on which the packages must work: the oldest that `engines` allows a major of, and ours. */
export const nodeVersions = ['22.23.3', '24.21.0'] as const
export type NodeVersion = (typeof nodeVersions)[number]

/** A project outside the workspace into which packages of ours are installed as a stranger gets them. */
export interface PackedProject {
  readonly folder: string
  /** Set when the registry did not answer: why nothing is installed. Tests of the project are left out then. */
  readonly offline?: string
  /** The path of a Node of this version, from npm. */
  node(version: NodeVersion): string
  remove(): void
}

/**
 * Builds and packs workspaces, and installs them, both Nodes and `packages` into a new folder.
 * @throws Error when something does not build or install, other than for want of a network
 */
export async function packProject(
  workspaces: readonly ('sdk' | 'collector')[],
  packages: readonly string[],
): Promise<PackedProject> {
  const folder = mkdtempSync(join(tmpdir(), 'tapescope-packed-'))
  const project = {
    folder,
    node: (version: NodeVersion) => join(folder, 'node_modules', `node-${version}`, 'bin', 'node'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  try {
    const tarballs: string[] = []
    for (const workspace of workspaces) {
      await run('npm', ['run', '--silent', 'build', '-w', workspace], { cwd: root })
      const pack = ['pack', '--silent', '--pack-destination', folder, './dist']
      tarballs.push(`./${(await run('npm', pack, { cwd: join(root, workspace) })).stdout.trim()}`)
    }
    const manifest = { name: 'stranger', private: true, type: 'module' }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
    const unreachable = await whyUnreachable(folder)
    if (unreachable !== undefined)
      return { ...project, offline: `NOT SHOWN: npm's registry did not answer (${unreachable})` }
    const nodes = nodeVersions.map((version) => `node-${version}@npm:node-linux-${arch()}@${version}`)
    const options = ['--no-audit', '--no-fund', '--loglevel=error']
    await run('npm', ['install', ...options, ...tarballs, ...nodes, ...packages], { cwd: folder })
    return project
  } catch (error) {
    project.remove()
    throw error
  }
}

/** The network's code when the registry cannot be reached; an install then names anything but that. */
async function whyUnreachable(cwd: string): Promise<string | undefined> {
  try {
    await run('npm', ['view', '@opentelemetry/api', 'version'], { cwd })
    return undefined
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    return /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b/.exec(stderr)?.[0]
  }
}
