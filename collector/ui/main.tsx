import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { href, useRoute } from './route.ts'
import { Bars } from './views/bars.tsx'
import { Compare } from './views/compare.tsx'
import { Cpu } from './views/cpu.tsx'
import { Health } from './views/health.tsx'
import { Metrics } from './views/metrics.tsx'
import { Runs } from './views/runs.tsx'
import { Trace } from './views/trace.tsx'
import { Traces } from './views/traces.tsx'
import './style.css'

/** Views by the first step of the address. `key` is the digit that leads there. */
const views = [
  { path: 'runs', label: 'Runs', view: Runs },
  { path: 'traces', label: 'Traces', view: Traces },
  { path: 'bars', label: 'Bars', view: Bars },
  { path: 'compare', label: 'Compare', view: Compare },
  { path: 'metrics', label: 'Metrics', view: Metrics },
  { path: 'health', label: 'Health', view: Health },
] as const
const more = { trace: Trace, cpu: Cpu }

function App() {
  const route = useRoute()
  const name = route.path[0] ?? 'runs'
  const View = views.find(({ path }) => path === name)?.view ?? (more as Record<string, typeof Trace>)[name]
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
      if (event.key === '/') {
        event.preventDefault()
        document.querySelector<HTMLInputElement>('input[type=search]')?.focus()
      }
      const view = views[Number(event.key) - 1]
      if (view) location.hash = href(view.path)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  useEffect(() => {
    document.title = `${views.find(({ path }) => path === name)?.label ?? name} · Tapescope`
  }, [name])
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <header class="top">
        <a class="brand" href={href('runs')}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M3 21h5l3-10 5 15 4-19 3 11h6" />
          </svg>
          Tapescope
        </a>
        <nav aria-label="Views">
          {views.map(({ path, label }, i) => (
            <a
              key={path}
              href={href(path)}
              aria-current={path === name || (path === 'traces' && name in more) ? 'page' : undefined}
              title={`Key ${i + 1}`}
            >
              {label}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {View ? <View route={route} /> : <p class="problem">There is no view “{name}”.</p>}
      </main>
    </>
  )
}

function skip(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('#main')?.focus()
}

function isTyping(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLElement && /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)
}

render(<App />, document.querySelector('#app')!)
