import { useEffect, useState } from 'preact/hooks'

/** `#/trace/ID?span=...`: the page's state lives in the address, so that every view can be linked to. */
export interface Route {
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

export function readRoute(hash: string): Route {
  const [path, query] = hash.replace(/^#\/?/, '').split('?', 2)
  const parts = path.split('/').filter((part) => part !== '')
  return { path: parts.map(decode), query: new URLSearchParams(query ?? '') }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>

export function href(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()
  return `#/${path}${text === '' ? '' : `?${text}`}`
}

/** Goes there; with `replace` the step before is not one to go back to. */
export function go(to: string, replace = false): void {
  if (!replace) location.hash = to
  else {
    history.replaceState(null, '', to)
    dispatchEvent(new HashChangeEvent('hashchange'))
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useEffect(() => {
    const changed = (): void => setRoute(readRoute(location.hash))
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return route
}
