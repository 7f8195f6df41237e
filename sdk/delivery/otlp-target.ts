import { readFileSync } from 'node:fs'
import type { Settings, Signal } from '../config/settings.ts'
import type { OtlpTarget } from './otlp-sender.ts'

/** Where a signal goes, by the settings. @throws TypeError when a certificate cannot be read */
export function otlpTarget(settings: Settings, signal: Signal, timeoutMs?: number): OtlpTarget {
  const pem = (part: 'Certificate' | 'ClientKey' | 'ClientCertificate'): string | undefined => {
    const file = settings[`${signal}${part}`]
    if (file === undefined) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      const { code = 'not readable' } = error as NodeJS.ErrnoException
      throw new TypeError(`${signal}${part}: ${file} cannot be read (${code})`, { cause: error })
    }
  }
  const [ca, key, cert] = [pem('Certificate'), pem('ClientKey'), pem('ClientCertificate')]
  return {
    url: settings[`${signal}Endpoint`],
    headers: settings[`${signal}Headers`],
    timeoutMs: Math.min(
      ...[settings[`${signal}TimeoutMs`], timeoutMs ?? Infinity].map((ms) => ms || Infinity),
    ),
    encoding: settings[`${signal}Protocol`] === 'http/json' ? 'json' : 'protobuf',
    ...(ca !== undefined && { ca }),
    ...(key !== undefined && { key }),
    ...(cert !== undefined && { cert }),
  }
}
