declare module 'd3-flame-graph' {
  import type { FlameNode } from './model/flame-tree.ts'

  interface Placed {
    readonly data: FlameNode
    readonly value: number
  }
  interface FlameGraph {
    (selection: unknown): void
    width(pixels: number): this
    cellHeight(pixels: number): this
    minFrameSize(pixels: number): this
    transitionDuration(ms: number): this
    inverted(on: boolean): this
    sort(order: (a: Placed, b: Placed) => number): this
    setLabelHandler(label: (one: Placed) => string): this
    setColorMapper(colour: (one: Placed, original: string) => string): this
    onHover(seen: (one: Placed) => void): this
    search(text: string): void
    clear(): void
    resetZoom(): void
    destroy(): void
  }
  export default function flamegraph(): FlameGraph
}

declare module 'd3-selection' {
  export function select(element: Element): {
    datum(data: unknown): { call(chart: (selection: unknown) => void): void }
  }
}

declare module '*.css'
