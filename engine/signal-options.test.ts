import { describe, expect, it } from 'vitest'
import { readSignalOptions } from './signal-options.ts'
import type { SignalOptions } from './signal-options.ts'
import { presets } from './thresholds.ts'

describe('options', () => {
  it('default to the standard preset and an account of 100 000', () => {
    const settings = readSignalOptions({})
    expect(settings.thresholds).toEqual(presets.standard)
    expect(settings.account).toEqual({ equity: 100_000, positions: [], campaigns: [] })
    expect(readSignalOptions({ preset: 'strict', thresholds: { rMultipleMin: 2.5 } }).thresholds).toEqual({
      ...presets.strict,
      rMultipleMin: 2.5,
    })
  })

  it.each([
    [{ preset: 'loose' }, 'preset must be one of strict, standard'],
    [{ presets: 'strict' }, 'presets is not an option'],
    [{ thresholds: { sos: 1 } }, 'thresholds.sos is not a threshold'],
    [{ thresholds: { sosVolumeMin: -1 } }, 'thresholds.sosVolumeMin must be a number from 0 to 100'],
    [{ thresholds: { arRallyMin: 3 } }, 'thresholds.arRallyMin must be a number from 0 to 1'],
    [{ thresholds: { sosFromB: 'yes' } }, 'thresholds.sosFromB must be true or false'],
    [{ riskPerTrade: 0.5 }, 'riskPerTrade must lie in 0.001 to 0.02'],
    [{ expiryBars: 0 }, 'expiryBars must be a whole number'],
    [{ account: { equity: Number.NaN } }, 'account.equity'],
    [{ limits: { heat: { max: 2, warnAt: 1 } } }, 'limits.heat'],
    [{ limits: { cold: 1 } }, 'limits.cold is not a limit'],
    [{ session: { open: 900, close: 800 } }, 'session must open before it closes'],
    [{ earnings: { X: [1.5] } }, 'earnings.X'],
  ])('refuse %j with a sentence', (options, sentence) => {
    expect(() => readSignalOptions(options as unknown as SignalOptions)).toThrow(sentence)
  })
})
