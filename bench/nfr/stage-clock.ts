import { signalStages, type EngineObserver, type RunObserver } from '@tapescope/engine'

export type SignalStage = (typeof signalStages)[number]

/** Times every stage of every bar that is pushed, by the seam that the engine offers its observers. */
export class StageClock implements EngineObserver, RunObserver {
  /** Of the last bar, in the order of `signalStages`. */
  readonly ns = new Float64Array(signalStages.length)
  private markMs = 0

  stageNs(stage: SignalStage): number {
    return this.ns[signalStages.indexOf(stage)]
  }

  runStarted(): RunObserver {
    return this
  }

  blockStarted(first: number): number {
    return first
  }

  barStarted(): void {
    this.markMs = performance.now()
  }

  stageEnded(stage: number): void {
    const nowMs = performance.now()
    this.ns[stage] = (nowMs - this.markMs) * 1e6
    this.markMs = nowMs
  }

  barEnded(bar: number): number {
    return bar + 1
  }

  blockEnded(): void {}

  fact(): boolean {
    return false
  }

  runEnded(): void {}
}
