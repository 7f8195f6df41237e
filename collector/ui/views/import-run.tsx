import { useState } from 'preact/hooks'
import { go, href } from '../route.ts'

/** Takes a file that "Export" of a trace wrote. */
export function ImportRun() {
  const [problem, setProblem] = useState<string>()
  const take = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0]
    if (file === undefined) return
    setProblem(undefined)
    try {
      const response = await fetch('/api/import', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: await file.text(),
      })
      const body = (await response.json()) as { detail?: string; traceIds?: string[] }
      if (body.traceIds) go(href(`trace/${body.traceIds[0]}`))
      else setProblem(`${file.name}: ${body.detail ?? 'the sidecar refused it'}`)
    } catch (error) {
      setProblem(`${file.name}: ${(error as Error).message}`)
    }
    input.value = ''
  }
  return (
    <>
      <label class="button">
        Import
        <input
          class="hidden"
          type="file"
          accept="application/json,.json"
          onChange={(event) => void take(event.currentTarget)}
        />
      </label>
      {problem === undefined ? null : (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </>
  )
}
