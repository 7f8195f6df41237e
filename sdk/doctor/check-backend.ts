import type { Settings, Signal } from '../config/settings.ts'
import { createOtlpSender, type Answer } from '../delivery/otlp-sender.ts'
import { otlpTarget } from '../delivery/otlp-target.ts'
import { maskUrl } from '../privacy/mask-text.ts'
import type { Finding } from './finding.ts'

/** Sends an empty batch to each backend that the settings name, and says what it means when that fails. */
export async function checkBackend(settings: Settings): Promise<Finding[]> {
  const signals = (['traces', 'metrics', 'logs'] as const).filter((signal) =>
    settings[`${signal}Exporter`].includes('otlp'),
  )
  const findings = await Promise.all(signals.map((signal) => checkSignal(settings, signal)))
  return findings.filter((finding) => finding !== undefined)
}

async function checkSignal(settings: Settings, signal: Signal): Promise<Finding | undefined> {
  const { url, ...target } = otlpTarget(settings, signal)
  const timeoutMs = Math.min(target.timeoutMs, 3000)
  const sender = createOtlpSender({ ...target, url, timeoutMs })
  // Waits for the answer: the sender's own sockets would not keep this process alive.
  const alive = setInterval(() => {}, 1000)
  const empty = target.encoding === 'json' ? new TextEncoder().encode('{}') : new Uint8Array()
  const answer = await sender.send(empty, false)
  clearInterval(alive)
  sender.close()
  if (answer.kind === 'delivered') return undefined
  return {
    check: 'backend',
    problem: `The backend for ${signal} at ${maskUrl(url)} does not take them: ${answer.why}.`,
    remedy: remedyFor(answer, signal, url),
  }
}

function remedyFor({ why }: Exclude<Answer, { kind: 'delivered' }>, signal: Signal, url: string): string {
  const variable = 'OTEL_EXPORTER_OTLP_ENDPOINT'
  if (why === 'ECONNREFUSED')
    return `Nobody listens there: start a collector (npx @tapescope/collector), or set ${variable}.`
  if (why === 'ENOTFOUND' || why === 'EAI_AGAIN') return `The host has no address here: check ${variable}.`
  if (why.startsWith('no answer'))
    return 'Something accepts connections and says nothing: a firewall, or not an OTLP receiver.'
  if (/^(HPE_|ECONNRESET|EPROTO)/.test(why))
    return 'It does not speak HTTP on this port: OTLP over HTTP is on 4318, gRPC on 4317; https needs https://.'
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(why))
    return `Its certificate is not trusted: set OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_CERTIFICATE.`
  if (why === 'HTTP 401' || why === 'HTTP 403')
    return 'It wants other credentials: check OTEL_EXPORTER_OTLP_HEADERS.'
  if (why === 'HTTP 404' || why === 'HTTP 405')
    return `Another program listens there, or the path is wrong: the path must be /v1/${signal} (${new URL(url).pathname} now).`
  return 'It is there but not well: look at its own log. What is sent meanwhile waits and is tried again.'
}
