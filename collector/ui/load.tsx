import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { get } from './api.ts'

type Loaded<Answer> =
  | { readonly state: 'loading'; readonly data?: undefined; readonly error?: undefined }
  | { readonly state: 'failed'; readonly error: Error; readonly data?: undefined }
  | { readonly state: 'ready'; readonly data: Answer; readonly error?: undefined }

const LOADING = { state: 'loading' } as const

/** What `path` answers with, asked again every `everyMs` while the page is looked at. Undefined asks nothing. */
export function useGet<Answer>(path: string | undefined, everyMs?: number): Loaded<Answer> {
  const [{ of, loaded }, setLoaded] = useState<{ of?: string; loaded: Loaded<Answer> }>({ loaded: LOADING })
  useEffect(() => {
    if (path === undefined) return undefined
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        try {
          const data = await get<Answer>(path, stop.signal)
          if (stop.signal.aborted) return
          setLoaded({ of: path, loaded: { state: 'ready', data } })
        } catch (error) {
          if (stop.signal.aborted) return
          setLoaded({ of: path, loaded: { state: 'failed', error: error as Error } })
        }
      }
      if (everyMs !== undefined && !stop.signal.aborted) timer = setTimeout(() => void ask(), everyMs)
    }
    void ask()
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [path, everyMs])
  // What another path answered with is nobody's any more, not even until the effect above has run.
  return of === path ? loaded : LOADING
}

/** Shows what was loaded, or why there is nothing. */
export function Show<Answer>(props: { of: Loaded<Answer>; children: (data: Answer) => ComponentChildren }) {
  const { of, children } = props
  if (of.state === 'loading')
    return (
      <p class="quiet" role="status">
        Loading…
      </p>
    )
  if (of.state === 'failed')
    return (
      <p class="problem" role="alert">
        {of.error.message}
      </p>
    )
  return <>{children(of.data)}</>
}
