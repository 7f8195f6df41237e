import type { BenchCase } from '../case.ts'
import { ways, works } from '../pipeline-ways.ts'
import { unseenBars } from '../unseen-bars.ts'

/**
 * What it costs to observe the whole pipeline. Each case is one way to do so; `npm run bench:telemetry` holds them
 * against one another, in turns within a process and across fresh ones.
 */
const million = 1_000_000

export default works.flatMap((work) =>
  Object.entries(ways).map(([name, way]): BenchCase => {
    // A million bars of plain OpenTelemetry take up to ten seconds.
    const length = name.startsWith('opentelemetry') ? million / 100 : million
    return {
      name: `sdk-pipeline/${work}-${name}`,
      unit: 'bar',
      about: `${work === 'backtest' ? 'Wyckoff backtest' : 'signal generation'} over ${length} unseen bars, ${way.about}`,
      budgets: [
        {
          kind: 'ceiling',
          maxNs: 50_000,
          reason: 'Only tells that it ran: `npm run bench:telemetry` holds the ways against one another.',
        },
      ],
      gate: false,
      quick: false,
      kernel: true,
      async setup({ seed }) {
        const next = unseenBars(length, seed)
        const observation = await way.start(work)
        const alone = ways['none'].start(work)
        let bars = next()
        return {
          units: length,
          prepare: () => void (bars = next()),
          run: () => observation.pass(bars),
          async verify() {
            const [ours, theirs] = [await observation.pass(bars), (await alone).pass(bars)]
            if (ours !== theirs) throw new Error(`observed it found ${String(ours)}, alone ${String(theirs)}`)
          },
          close: () => observation.close?.(),
        }
      },
    }
  }),
)
