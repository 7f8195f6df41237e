import type { Hono } from 'hono'
import { html, raw } from 'hono/html'

interface Operation {
  summary?: string
  parameters?: { name: string; in: string; required?: boolean }[]
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, { description: string }>
}

/** `GET /docs`: the OpenAPI document as a page, from the document itself; no script, nothing from elsewhere. */
export function docsRoute(app: Hono): void {
  app.get('/docs', async (c) => {
    const response = await app.request('/openapi.json')
    const { info, paths } = (await response.json()) as {
      info: { title: string; version: string }
      paths: Record<string, Record<string, Operation>>
    }
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    )
    return c.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <title>${info.title} ${info.version}</title>
            <meta name="viewport" content="width=device-width" />
          </head>
          <body>
            <h1>${info.title} ${info.version}</h1>
            <p>The whole of it, for machines: <a href="/openapi.json">openapi.json</a></p>
            ${operations.map(
              ({ path, method, operation }) => html`
                <h2><code>${method.toUpperCase()} ${path}</code></h2>
                <p>${operation.summary ?? ''}</p>
                <ul>
                  ${(operation.parameters ?? []).map(
                    ({ name, in: place, required }) =>
                      html`<li><code>${name}</code> in ${place}${required === true ? ', required' : ''}</li>`,
                  )}
                  ${
                    operation.requestBody === undefined
                      ? raw('')
                      : html`<li>body: ${Object.keys(operation.requestBody.content).join(', ')}</li>`
                  }
                  ${Object.entries(operation.responses).map(
                    ([status, { description }]) => html`<li><code>${status}</code> ${description}</li>`,
                  )}
                </ul>
              `,
            )}
          </body>
        </html>`,
    )
  })
}
