import type * as Engine from '@tapescope/engine'
import { registerHooks } from 'node:module'

export const detectors = ['spring', 'breakout', 'utad'] as const
export type Detector = (typeof detectors)[number]

const mark = 'timed-detectors'
const clockKey = 'tapescope.bench.detectors'

/** What the detectors of the last bars took, in ns; whoever reads it sets it back to 0. */
type DetectorTimes = Record<Detector, number>

/**
 * A second copy of the engine in this process whose three detectors (`spring.ts` with its Tests, `breakout.ts` for SOS
 * and LPS, `utad.ts`) are timed at each call by `wyckoff.ts`; everything else in it is untouched. The times of all live
 * ranges add up. A call is timed with the clock's own steps of some 30 ns.
 */
export async function timedEngine(): Promise<{ engine: typeof Engine; times: DetectorTimes }> {
  const times: DetectorTimes = { spring: 0, breakout: 0, utad: 0 }
  const globals = globalThis as unknown as Record<symbol, unknown>
  globals[Symbol.for(clockKey)] =
    (detector: Detector, work: (...given: unknown[]) => unknown) =>
    (...given: unknown[]) => {
      const began = performance.now()
      const answer = work(...given)
      times[detector] += (performance.now() - began) * 1e6
      return answer
    }
  const real = new Map<string, string>()
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      if (!context.parentURL?.includes(`?${mark}`)) return resolved
      const url = `${resolved.url}?${mark}`
      const detector = /\/(\w+)\.ts$/.exec(resolved.url)?.[1]
      if (!context.parentURL.includes('/wyckoff.ts?') || !isDetector(detector)) return { ...resolved, url }
      real.set(`${url}-${detector}`, url)
      return { ...resolved, url: `${url}-${detector}` }
    },
    load(url, context, next) {
      const target = real.get(url)
      if (target === undefined) return next(url, context)
      const detector = url.slice(url.lastIndexOf('-') + 1)
      return {
        format: 'module',
        shortCircuit: true,
        source: `import * as real from ${JSON.stringify(target)}
          const timed = globalThis[Symbol.for('${clockKey}')]
          const of = (name) => timed('${detector}', real[name])
          ${exported[detector as Detector].map((name) => `export const ${name} = of('${name}')`).join('\n')}`,
      }
    },
  })
  try {
    const engine = (await import(`../../engine/index.ts?${mark}`)) as typeof Engine
    if (real.size !== detectors.length)
      throw new Error(`wyckoff.ts imports ${real.size} of the ${detectors.length} detectors by their names`)
    return { engine, times }
  } finally {
    hooks.deregister()
  }
}

const exported: Readonly<Record<Detector, readonly string[]>> = {
  spring: ['stepSpring', 'stepTests'],
  breakout: ['stepBreakout', 'stepPullback'],
  utad: ['stepUtad'],
}

function isDetector(name: string | undefined): name is Detector {
  return (detectors as readonly (string | undefined)[]).includes(name)
}
