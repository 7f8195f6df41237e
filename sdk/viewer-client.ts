/** The sidecar's viewer did not answer, or not as it should. */
export class ViewerError extends Error {}

/** GET as JSON. @throws ViewerError with a sentence that says what to do */
export async function get<Answer>(base: string, path: string): Promise<Answer> {
  if (!URL.canParse(base))
    throw new ViewerError(`--viewer is ${base}; give a URL such as http://127.0.0.1:4319`)
  let response: Response
  try {
    response = await fetch(new URL(path, base))
  } catch (error) {
    throw new ViewerError(
      `No viewer answers at ${base}: start the sidecar, or name its viewer with --viewer.`,
      {
        cause: error,
      },
    )
  }
  const body = (await response.json().catch(() => ({}))) as Answer & { detail?: string }
  if (!response.ok) throw new ViewerError(body.detail ?? `${base} answered ${response.status}.`)
  return body
}
