import type { Hono } from 'hono'
import { html, raw } from 'hono/html'

interface Schema {
  type?: string
  enum?: unknown[]
  default?: unknown
  examples?: unknown[]
  format?: string
  minimum?: number
  maximum?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  anyOf?: Schema[]
  description?: string
}
interface Parameter {
  name: string
  in: string
  required?: boolean
  schema: Schema
  description?: string
}
interface Operation {
  summary?: string
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema; example?: unknown }> }
  responses: Record<string, { description: string }>
  security?: unknown[]
}

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  code, pre { font: 0.9em ui-monospace, monospace; }
  section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: 0.5rem 0 1rem; }
  h3 { margin: 0.5rem 0 0; }
  h3 b { display: inline-block; min-width: 3.5rem; }
  table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
  td { padding: 0.15rem 0.75rem 0.15rem 0; vertical-align: top; }
  td:first-child { width: 12rem; overflow-wrap: anywhere; }
  pre { overflow-x: auto; padding: 0.5rem 0.75rem; background: color-mix(in srgb, currentColor 8%, transparent); }
  nav a { margin-right: 1rem; }
`

/** `GET /docs`: the OpenAPI document as a page, from the document itself; no script, nothing from elsewhere. */
export function docsRoute(app: Hono): void {
  app.get('/docs', async (c) => {
    const response = await app.request('/openapi.json', { headers: hostOf(c.req.header('host')) })
    const { info, paths } = (await response.json()) as {
      info: { title: string; version: string; description: string }
      paths: Record<string, Record<string, Operation>>
    }
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        method: method.toUpperCase(),
        operation,
      })),
    )
    const { origin } = new URL(c.req.url)
    const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'other'))]
    return c.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <title>${info.title} ${info.version}</title>
            <meta name="viewport" content="width=device-width" />
            <style>
              ${raw(style)}
            </style>
          </head>
          <body>
            <h1>${info.title} ${info.version}</h1>
            <p>${info.description} For machines: <a href="/openapi.json">openapi.json</a>.</p>
            <nav>${tags.map((tag) => html`<a href="#${tag}">${tag}</a>`)}</nav>
            ${tags.map(
              (tag) => html`
                <h2 id="${tag}">${tag}</h2>
                ${operations.filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag).map((one) => section(origin, one))}
              `,
            )}
          </body>
        </html>`,
    )
  })
}

/** The page asks itself: without keys only a loopback name may. */
function hostOf(host: string | undefined): Record<string, string> {
  return host === undefined ? {} : { host }
}

function section(
  origin: string,
  { path, method, operation }: { path: string; method: string; operation: Operation },
) {
  const { summary, parameters = [], requestBody, responses, security } = operation
  const rows = [
    ...parameters.map(({ name, in: place, required, schema, description }) => ({
      name,
      what: `${place}${required === true ? ', required' : ''}: ${described(schema)}${description === undefined ? '' : `. ${description}`}`,
    })),
    ...fieldsOf(requestBody?.content['application/json']?.schema),
  ]
  return html`
    <section>
      <h3><code>${method} ${path}</code></h3>
      <p>${summary ?? ''}${security === undefined ? '' : '. Needs an API key where there are any'}</p>
      <table>
        ${rows.map(
          ({ name, what }) =>
            html`<tr>
              <td><code>${name}</code></td>
              <td>${what}</td>
            </tr>`,
        )}
        ${
          Object.keys(requestBody?.content ?? {}).length > 1
            ? html`<tr>
                <td>bodies</td>
                <td>${Object.keys(requestBody!.content).join(', ')}</td>
              </tr>`
            : ''
        }
        <tr>
          <td>answers</td>
          <td>
            ${Object.entries(responses)
              .map(([status, { description }]) => `${status} ${description}`)
              .join(' · ')}
          </td>
        </tr>
      </table>
      <pre>${curl(origin, method, path, operation)}</pre>
    </section>
  `
}

function fieldsOf(schema: Schema | undefined): { name: string; what: string }[] {
  return Object.entries(schema?.properties ?? {}).map(([name, field]) => ({
    name,
    what: `body${schema?.required?.includes(name) === true ? ', required' : ''}: ${described(field)}`,
  }))
}

function described({
  type,
  enum: values,
  default: fallback,
  format,
  minimum,
  maximum,
  anyOf,
  description,
  items,
}: Schema): string {
  const kind =
    values !== undefined
      ? values.join(' | ')
      : anyOf !== undefined
        ? (description ?? anyOf.map((one) => one.format ?? one.type).join(' or '))
        : items !== undefined
          ? `list of {${Object.keys(items.properties ?? {}).join(', ')}}`
          : (format ?? type ?? 'any')
  const bounds =
    minimum !== undefined && maximum !== undefined && maximum < 2 ** 53 - 1 ? ` ${minimum} to ${maximum}` : ''
  return `${kind}${bounds}${fallback === undefined ? '' : `, default ${JSON.stringify(fallback)}`}`
}

/** A command that works, made of the schemas' examples. */
function curl(
  origin: string,
  method: string,
  path: string,
  { parameters = [], requestBody }: Operation,
): string {
  const query = parameters
    .filter(({ in: place, required }) => place === 'query' && required === true)
    .map(({ name, schema }) => `${name}=${String(exampleOf(schema))}`)
    .join('&')
  const schema = requestBody?.content['application/json']?.schema
  const body = schema === undefined ? '' : ` \\\n  --json '${JSON.stringify(exampleOf(schema))}'`
  return `curl${method === 'POST' && schema === undefined ? ' -X POST' : ''} '${origin}${path}${query === '' ? '' : `?${query}`}'${body}`
}

/** From the schema alone: its example, or one made of those of its parts; of an object what it requires or shows. */
export function exampleOf(schema: Schema | undefined): unknown {
  if (schema === undefined) return undefined
  const given = schema.examples?.[0] ?? schema.default ?? schema.enum?.[0]
  if (given !== undefined) return given
  if (schema.items !== undefined) return [exampleOf(schema.items)]
  if (schema.properties === undefined) return undefined
  return Object.fromEntries(
    Object.entries(schema.properties)
      .filter(([name, part]) => schema.required?.includes(name) === true || part.examples !== undefined)
      .map(([name, part]) => [name, exampleOf(part)]),
  )
}
