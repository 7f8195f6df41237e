import type { ProfileFrame } from './profile-document.ts'
import { speedscopeFile, type SpeedscopeFile } from './profile-formats.ts'

/** A node of V8's sampled allocation profile: bytes allocated by this function itself, still alive or collected. */
export interface V8HeapNode {
  callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number }
  selfSize: number
  children: V8HeapNode[]
}

/** Sampled heap allocation as a weighted speedscope profile in bytes. */
export function toHeapSpeedscope(name: string, head: V8HeapNode): SpeedscopeFile {
  const frames: ProfileFrame[] = []
  const index = new Map<string, number>()
  const samples: number[][] = []
  const weights: number[] = []
  let endValue = 0
  const pending: [V8HeapNode, number[]][] = head.children.map((child) => [child, []])
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [node, above] = next
    const { functionName, url, lineNumber, columnNumber } = node.callFrame
    const key = `${functionName}\n${url}\n${lineNumber}:${columnNumber}`
    let frame = index.get(key)
    if (frame === undefined) {
      frame = frames.length
      index.set(key, frame)
      const made: ProfileFrame = { name: functionName || '(anonymous)' }
      if (url) Object.assign(made, { file: url, line: lineNumber + 1, col: columnNumber + 1 })
      frames.push(made)
    }
    const path = [...above, frame]
    if (node.selfSize > 0) {
      samples.push(path)
      weights.push(node.selfSize)
      endValue += node.selfSize
    }
    for (const child of node.children) pending.push([child, path])
  }
  return speedscopeFile(name, frames, [
    { type: 'sampled', name: 'allocated bytes', unit: 'bytes', startValue: 0, endValue, samples, weights },
  ])
}
