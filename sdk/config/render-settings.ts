import { masked, maskSecrets, sensitiveName } from '../privacy/mask-text.ts'
import type { ResolvedSettings } from './resolve-settings.ts'
import { settingTable, type SettingName } from './settings.ts'

/** A setting as it may be shown: values of headers, and passwords in URLs, are `***`. */
export function maskedSettings({
  settings,
  origins,
}: ResolvedSettings): Record<string, { value: unknown; origin: string }> {
  const shown: Record<string, { value: unknown; origin: string }> = {}
  for (const name of Object.keys(settingTable) as SettingName[])
    shown[name] = { value: mask(name, settings[name]), origin: origins.get(name) ?? 'default' }
  return shown
}

/** The effective configuration as a table: setting, value, and where the value came from. */
export function renderSettings(resolved: ResolvedSettings): string {
  const rows = Object.entries(maskedSettings(resolved))
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .map(([name, { value, origin }]) => {
      const text = value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value)
      return `${name.padEnd(width)}  ${text}${origin === 'default' ? '' : `  (${origin})`}\n`
    })
    .join('')
}

function mask(name: SettingName, value: unknown): unknown {
  const one: { readonly secret?: true } = settingTable[name]
  if (one.secret && typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.keys(value).map((key) => [key, masked]))
  if (name.endsWith('Endpoint') && typeof value === 'string') return maskUrl(value)
  if (name === 'resourceAttributes' && typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, text]) => [
        key,
        sensitiveName.test(key) ? masked : maskSecrets(String(text)),
      ]),
    )
  return value
}

function maskUrl(text: string): string {
  const url = new URL(text)
  if (url.username !== '') url.username = masked
  if (url.password !== '') url.password = masked
  for (const key of url.searchParams.keys()) url.searchParams.set(key, masked)
  return url.href
}
