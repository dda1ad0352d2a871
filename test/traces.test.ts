// Traces as a collector gets them from the real program, and what a server costs that nobody asked for any.

import { createRequire } from 'node:module'
import t from 'tap'
import { tracesAsked } from '../server/traces.ts'
import { startMarquee, upload } from './support/app.ts'
import { mirror } from './support/asking.ts'
import { newFolder, onBothStores } from './support/both-stores.ts'
import { storeEnv } from './support/children.ts'
import { startServing } from './support/command.ts'
import { Signer, seededBlob } from './support/keys.ts'
import { freePort } from './support/program.ts'
import { startCollector } from './support/otlp.ts'

const signer = new Signer()

/** Its status, when all of it is here: an answer that nobody reads would hold up the server's end. */
async function statusOf (response: Response | Promise<Response>): Promise<number> {
  const answer = await response
  await answer.arrayBuffer()
  return answer.status
}

t.test('without its variables nothing of OpenTelemetry is loaded', async t => {
  const { url } = await startMarquee(t)
  const blob = seededBlob('untraced', 50_000)
  t.equal(await statusOf(upload(url, signer, blob)), 201)
  t.equal(await statusOf(fetch(`${url}/${blob.sha256}`)), 200)
  const loaded = Object.keys(createRequire(import.meta.url).cache)
  t.ok(loaded.some((path) => path.includes('/fastify/')), 'modules are seen')
  t.strictSame(loaded.filter((path) => path.includes('/@opentelemetry/')), [])
})

t.test('traces are asked for by naming a collector, unless the SDK is disabled or the exporter is none', async t => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  t.strictSame(tracesAsked(endpoint), { timeoutGiven: false })
  t.strictSame(tracesAsked({ ...endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '5' }), { timeoutGiven: true })
  t.ok(tracesAsked({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces', OTEL_SDK_DISABLED: 'false' }))
  for (const env of [{}, { OTEL_SERVICE_NAME: 'x' }, { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }, { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }]) {
    t.equal(tracesAsked(env), null, JSON.stringify(env))
  }
})

await onBothStores(t, 'each request is one server span with the conventions\' labels, calls of the store are its children, and SIGTERM sends what is left', async (t, newPlace) => {
  const collector = await startCollector(t)
  const place = await newPlace()
  const server = await startServing(t, {
    ...storeEnv(newFolder(t), place), NODE_KEY: 'c0ffee'.padStart(64, '7'), METRICS_TOKEN: 'hush-metrics', MIRROR_ALLOW_PRIVATE: 'on',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'films', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test', OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=hush-tenant',
    OTEL_BSP_SCHEDULE_DELAY: '600000'
  })
  const { url } = server
  const [small, large] = [seededBlob('traced', 20_000), seededBlob('traced film', 5_000_000)]
  const tokens: string[] = []
  const said = (token: string): string => {
    tokens.push(token)
    return token
  }
  for (const blob of [small, large]) t.equal(await statusOf(upload(url, signer, blob, { authorization: said(signer.token('upload', { hashes: [blob.sha256] })) })), 201)
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
  t.equal(await statusOf(fetch(`${url}/${large.sha256}.mp4?secret=hush-query`, { headers: { traceparent: `00-${traceId}-${spanId}-01` } })), 200)
  for (let i = 0; i < 3; i++) await (await fetch(`${url}/${small.sha256}`)).arrayBuffer()
  t.equal(await statusOf(fetch(`${url}/${small.sha256}`, { method: 'HEAD' })), 200)
  t.equal(await statusOf(fetch(`${url}/${'ab'.repeat(32)}`, { headers: { authorization: said(signer.token('get')) } })), 404)
  t.equal(await statusOf(fetch(`${url}/list/${signer.pubkey}`, { headers: { authorization: said(signer.token('list')) } })), 200)
  t.equal(await statusOf(fetch(`${url}/no/such/thing`)), 404)
  t.equal(await statusOf(fetch(`${url}/metrics`, { headers: { authorization: 'Bearer hush-metrics' } })), 200)
  t.equal(await statusOf(mirror(url, signer, 'http://127.0.0.1:1/hush-origin', small.sha256.replace(/^./, 'f'))), 502)
  t.equal(await statusOf(fetch(`${url}/upload`, { method: 'REPORT' })), 404)
  t.equal(await statusOf(fetch(`${url}/healthz`, { headers: { traceparent: `00-${'12'.repeat(16)}-${spanId}-00` } })), 200, 'not sampled')
  t.strictSame(collector.spans, [], 'nothing is sent before its time')
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, signal: null })

  t.strictSame([...new Set(collector.paths)], ['/v1/traces'])
  t.equal(collector.headers[0]!['x-tenant'], 'hush-tenant')
  t.match(collector.resource, { 'service.name': 'films', 'service.version': /^\d/, 'deployment.environment': 'test' })
  const requests = collector.spans.filter(({ kind }) => kind === 2)
  t.strictSame(requests.map(({ name, attributes }) => `${name} ${attributes['http.response.status_code']}`).sort(), [
    'GET /<sha256> 200', 'GET /<sha256> 200', 'GET /<sha256> 200', 'GET /<sha256> 200', 'GET /<sha256> 404', 'GET /list/<pubkey> 200', 'GET /metrics 200', 'GET 404',
    'HEAD /<sha256> 200', 'HTTP 404', 'PUT /mirror 502', 'PUT /upload 201', 'PUT /upload 201'
  ])
  const one = (name: string): typeof requests[number] => requests.find((span) => span.name === name)!
  t.strictSame(one('GET /list/<pubkey>').attributes, {
    'http.request.method': 'GET', 'url.path': `/list/${signer.pubkey}`, 'url.scheme': 'http', 'network.protocol.version': '1.1', 'http.route': '/list/<pubkey>',
    'http.response.status_code': 200
  })
  t.match(one('HTTP').attributes, { 'http.request.method': '_OTHER', 'http.request.method_original': 'REPORT' })
  t.match(one('PUT /mirror'), { status: 2, attributes: { 'error.type': '502' } })

  const followed = requests.find((span) => span.traceId === traceId)!
  t.match(followed, { parent: spanId, name: 'GET /<sha256>', attributes: { 'url.path': `/${large.sha256}.mp4` } })
  const below = (span: typeof followed): string[] => collector.spans.filter(({ parent, traceId }) => parent === span.id && traceId === span.traceId).map(({ name }) => name)
  const store = place === null ? 'fs' : 'minio'
  t.ok(below(followed).includes(`${store} packs read`), `a read before Fastify: ${String(below(followed))}`)
  const film = requests.filter(({ name }) => name === 'PUT /upload').map(below)
  t.ok(film.some((names) => names.includes(`${store} packs commit`) && names.includes(`${store} packs draft`) && names.includes(`${store} objects put`)), String(film))
  t.ok(collector.spans.every(({ kind, parent, attributes }) => kind === 2 || (parent !== '' && attributes['marquee.store'] === store)), 'work in the background is no trace')
  t.notOk(collector.spans.some((span) => span.traceId === '12'.repeat(16)), 'the caller said that this one is not sampled')

  const sent = Buffer.concat(collector.bodies).toString('latin1')
  for (const secret of ['hush', 'c0ffee', ...tokens.map((token) => token.slice(6, 60)), ...(place === null ? [] : [place.minio.secretKey])]) t.notOk(sent.includes(secret), secret.slice(0, 8))
})

t.test('OTEL_TRACES_SAMPLER is honoured', async t => {
  const collector = await startCollector(t)
  const server = await startServing(t, { DATA_DIR: newFolder(t), OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/elsewhere`, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' })
  t.equal(await statusOf(fetch(`${server.url}/healthz`)), 200)
  t.equal(await statusOf(fetch(`${server.url}/healthz`, { headers: { traceparent: `00-${'34'.repeat(16)}-${'56'.repeat(8)}-01` } })), 200)
  server.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
  t.strictSame([collector.spans.map(({ traceId }) => traceId), collector.paths], [['34'.repeat(16)], ['/elsewhere']])
})

t.test('a collector that is down costs a warning and nothing else', async t => {
  const server = await startServing(t, { DATA_DIR: newFolder(t), OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`, OTEL_BSP_SCHEDULE_DELAY: '20', OTEL_EXPORTER_OTLP_TIMEOUT: '500' })
  const blob = seededBlob('untold', 50_000)
  t.equal(await statusOf(upload(server.url, signer, blob)), 201)
  for (let i = 0; i < 20; i++) t.equal(await statusOf(fetch(`${server.url}/${blob.sha256}`)), 200)
  await server.prints(/"level":40.*traces are lost/)
  t.equal(await statusOf(fetch(`${server.url}/readyz`)), 200)
  server.kill('SIGTERM')
  const { code, out } = await server.ended
  t.equal(code, 0)
  t.equal(out.match(/traces are lost/g)?.length, 1, 'once a minute')
  t.notMatch(out, /"level":[56]0/)
})
