import { EngineError } from './engine-error.ts'
import { presets } from './thresholds.ts'
import type { Preset, Thresholds } from './thresholds.ts'

export interface SignalOptions {
  /** `standard` unless told otherwise. */
  readonly preset?: Preset
  /** Single thresholds that differ from the preset. */
  readonly thresholds?: Partial<Thresholds>
}

export interface SignalSettings {
  readonly preset: Preset
  readonly thresholds: Thresholds
}

/** @throws EngineError `invalid_option` with a sentence that says what to change. */
export const readSignalOptions = (options: SignalOptions): SignalSettings => {
  const { preset = 'standard', thresholds: own = {} } = options
  if (!Object.hasOwn(presets, preset))
    throw new EngineError('invalid_option', `preset must be one of ${Object.keys(presets).join(', ')}`)
  const base = presets[preset]
  for (const [name, value] of Object.entries(own)) {
    if (!Object.hasOwn(base, name))
      throw new EngineError('invalid_option', `thresholds.${name} is not a threshold`)
    checkThreshold(name, value, base[name as keyof Thresholds])
  }
  return { preset, thresholds: { ...base, ...own } }
}

const checkThreshold = (name: string, value: unknown, usual: number | boolean): void => {
  if (typeof usual === 'boolean') {
    if (typeof value !== 'boolean')
      throw new EngineError('invalid_option', `thresholds.${name} must be true or false`)
    return
  }
  const most = usual > 5 ? 100 : /Volume|rMultiple|Spread/.test(name) ? 100 : 1
  if (typeof value !== 'number' || !(value >= 0 && value <= most))
    throw new EngineError('invalid_option', `thresholds.${name} must be a number from 0 to ${most}`)
}
