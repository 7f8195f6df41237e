import { writeFileSync } from 'node:fs'
import type { ProfileDocument } from './profile-document.ts'
import { toCpuProfile, toSpeedscope } from './profile-formats.ts'

/** Writes a profile in its three formats; `file` is a path without extension. Adds each path to `files`. */
export function writeProfile(file: string, document: ProfileDocument, files: string[]): void {
  writeJson(`${file}.speedscope.json`, toSpeedscope(document), files)
  writeJson(`${file}.cpuprofile`, toCpuProfile(document), files)
  writeJson(`${file}.tapescope.json`, document, files)
}

export function writeJson(path: string, content: unknown, files: string[]): void {
  writeFileSync(path, JSON.stringify(content))
  files.push(path)
}
