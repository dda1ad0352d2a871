// The table of endpoints says what is registered and what docs/api.md says, and the OpenAPI document and the page made of it say the same.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { ENDPOINT_TABLE } from '../../server/api/endpoints.ts'
import { CATALOG_FAULTS } from '../../server/catalog/faults.ts'
import { RELEASE_FAULTS } from '../../server/release/faults.ts'
import { FAILURES } from '../../server/errors.ts'
import { startMarquee } from '../support/app.ts'
import type { FastifyInstance } from 'fastify'

const PATHS_BEFORE_FASTIFY = ['GET /{sha256}', 'HEAD /{sha256}']

/** What the app registers while it is built: Fastify tells of each instance before it has a route. */
async function registered (make: () => Promise<unknown>): Promise<string[]> {
  const routes: string[] = []
  const onInstance = (message: unknown): void => {
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat()) routes.push(`${each} ${url.replace('/:name', '/{sha256}').replace(/:(\w+)/g, '{$1}')}`)
    })
  }
  subscribe('fastify.initialization', onInstance)
  await make()
  unsubscribe('fastify.initialization', onInstance)
  return routes
}

t.test('every registered route is in the table, and nothing else', async t => {
  const routes = await registered(() => startMarquee(t))
  t.ok(routes.length > 10)
  t.strictSame([...routes, ...PATHS_BEFORE_FASTIFY].sort(), ENDPOINT_TABLE.map(({ method, path }) => `${method} ${path}`).sort())
})

t.test('docs/api.md has every endpoint, and nothing else, with the statuses of the table', async t => {
  const page = readFileSync('docs/api.md', 'utf8')
  const documented = new Map<string, string>()
  for (const [, asked, statuses] of page.matchAll(/^\| ((?:`[A-Z, ]+ ?[^`]*`(?:, )?)+) \|.*\| ([^|]+) \|$/gm)) {
    const numbers = [...statuses!.replace(/\([^)]*\)/g, '').matchAll(/\d{3}/g)].map(([status]) => status).sort().join(' ')
    for (const [, methods, path] of asked!.matchAll(/`([A-Z, ]+) (\/[^`]*)`/g)) {
      for (const method of methods!.split(', ')) documented.set(`${method} ${path!.replace('[.ext]', '').replace(/\?.*$/, '').replace(/<(\w+)>/g, '{$1}')}`, numbers)
    }
  }
  const table = ENDPOINT_TABLE.map(({ method, path, answers, refusals }) => [`${method} ${path}`, [...Object.keys(answers), ...refusals].map(String).sort().join(' ')])
  t.strictSame([...documented].sort(), table.sort())
})

t.test('every status of a refusal is one that a refusal can have', async t => {
  const statuses = new Set<number>(Object.values({ ...FAILURES, ...CATALOG_FAULTS, ...RELEASE_FAULTS }).map(([status]) => status))
  for (const { id, refusals } of ENDPOINT_TABLE) for (const status of refusals) t.ok(statuses.has(status), `${id} ${status}`)
  t.equal(new Set(ENDPOINT_TABLE.map(({ id }) => id)).size, ENDPOINT_TABLE.length, 'ids are unique')
})

interface Operation { operationId: string, parameters?: { name: string, in: string }[], security?: Record<string, unknown>[], responses: Record<string, { description: string }> }
interface Document { openapi: string, servers: { url: string }[], paths: Record<string, Record<string, Operation>>, components: { schemas: object, securitySchemes: object } }

t.test('/openapi.json is an OpenAPI 3.1 document of all of them: references, path parameters and security schemes are there', async t => {
  const { url } = await startMarquee(t)
  const response = await fetch(`${url}/openapi.json`)
  t.match(response.headers.get('content-type'), 'application/json')
  t.equal(response.headers.get('access-control-allow-origin'), '*')
  const text = await response.text()
  const document = JSON.parse(text) as Document
  t.match(document, { openapi: '3.1.0', servers: [{ url }] })
  const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })))
  t.strictSame(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort(), ENDPOINT_TABLE.map(({ method, path }) => `${method} ${path}`).sort())
  for (const { path, operation } of operations) {
    const named = (operation.parameters ?? []).filter((each) => each.in === 'path').map(({ name }) => name)
    t.strictSame([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), named, operation.operationId)
    t.ok(Object.values(operation.responses).every(({ description }) => description.length > 0))
    for (const scheme of (operation.security ?? []).flatMap((each) => Object.keys(each))) t.ok(scheme in document.components.securitySchemes, scheme)
  }
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) t.ok(name! in document.components.schemas, name!)
})

t.test('/docs shows every endpoint, runs no script and asks nobody else for anything', async t => {
  const { url } = await startMarquee(t)
  const response = await fetch(`${url}/docs`)
  t.match(response.headers.get('content-type'), 'text/html')
  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; /)
  t.notMatch(policy, /unsafe|script-src|\*/)
  const page = await response.text()
  for (const { id } of ENDPOINT_TABLE) t.ok(page.includes(`<section id="${id}">`), id)
  t.notMatch(page, /<script|<img|<link|<iframe|\son\w+=|style="/i)
  t.strictSame([...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, to]) => to), ['/openapi.json', '/.well-known/marquee.json'])
  for (const path of ['/docs', '/openapi.json', '/.well-known/marquee.json', '/']) {
    const head = await fetch(`${url}${path}`, { method: 'HEAD' })
    t.equal(head.status, 200)
    t.equal(await head.text(), '')
  }
})
