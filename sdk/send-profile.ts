import type { ProfileDocument } from './profile-document.ts'

/** Posts a document to a sidecar. Never rejects: answers a sentence when the sidecar did not take it. */
export async function sendProfile(sidecar: string, document: ProfileDocument): Promise<string | undefined> {
  if (!document.samples.span.some((span) => span >= 0)) return undefined
  try {
    const answer = await fetch(new URL('/api/profiles', sidecar), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(document),
      signal: AbortSignal.timeout(2000),
    })
    await answer.body?.cancel()
    return answer.ok ? undefined : `the sidecar answered ${answer.status}`
  } catch (error) {
    return `the sidecar did not take the profile: ${error instanceof Error ? error.message : String(error)}`
  }
}
