// Traces by OpenTelemetry, where its standard variables ask for them (OTLP over HTTP, protobuf). One server span a request, named and labelled by the
// HTTP semantic conventions, and below it a span for each call of the stores. Loaded only then: who asks for none pays for none.
// A span never has a header, a query or the text of an error in it: there tokens and secrets stand.

import { routeName } from './metrics/answers.ts'
import { VERSION } from './version.ts'
import type { Span } from '@opentelemetry/api'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallTracer } from './stores/store-times.ts'

export interface Traces {
  /** Runs `answer` within the request's span; it says whether it was a read of a blob, which Fastify never sees. */
  request: (req: IncomingMessage, res: ServerResponse, answer: (req: IncomingMessage, res: ServerResponse) => boolean) => void
  /** Tells which route a request took. */
  routed: (request: FastifyRequest) => void
  call: CallTracer
  /** Sends what is left, as long as the collector takes it within seconds. */
  close: () => Promise<void>
}

type Environment = Record<string, string | undefined>

/** That traces are asked for, and what of it is ours to know. */
export interface TracesAsked {
  /** Whether the environment says how long the collector may take. */
  timeoutGiven: boolean
}

/** What the environment asks for; null where it asks for no traces, or names nobody who collects them. */
export function tracesAsked (env: Environment): TracesAsked | null {
  const given = (name: string): string => env[name]?.trim() ?? ''
  const some = (...names: string[]): boolean => names.some((name) => given(name) !== '')
  if (given('OTEL_SDK_DISABLED').toLowerCase() === 'true' || given('OTEL_TRACES_EXPORTER').toLowerCase() === 'none') return null
  if (!some('OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')) return null
  return { timeoutGiven: some('OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') }
}

/** Of each span of a request; the pieces of a large blob would be thousands. */
const MOST_CALLS = 100
/** How long the collector may take where nobody says; the SDK's own 10 s would hold up the end of a server whose collector is down. */
const PATIENCE_MS = 3000
const WARN_MS = 60_000
const BLOB_ROUTE = '/<sha256>'
/** RFC 9110 and PATCH; the conventions call any other `_OTHER`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/** What went wrong with the collector, as one line; the SDK tells errors as JSON with their stack. */
function reasonIn (text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? 'unknown')
  } catch {
    return text.slice(0, 200)
  }
}

/** The SDK reads sampler, resource, headers and the rest from the standard variables itself. */
export async function openTraces (logger: FastifyBaseLogger, { timeoutGiven }: TracesAsked): Promise<Traces> {
  const [api, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'), import('@opentelemetry/sdk-trace-node'), import('@opentelemetry/resources'), import('@opentelemetry/exporter-trace-otlp-proto')
  ])
  const { context, propagation, trace, SpanKind, SpanStatusCode } = api
  let warned = -Infinity
  const warn = (text: string): void => {
    // a collector that is down fails every few seconds
    if (performance.now() - warned < WARN_MS) return
    warned = performance.now()
    logger.warn({ reason: reasonIn(text) }, 'traces are lost')
  }
  const quiet = (): void => {}
  api.diag.setLogger({ error: warn, warn, info: quiet, debug: quiet, verbose: quiet }, { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true })
  const resource = resources.defaultResource()
    .merge(resources.resourceFromAttributes({ 'service.name': 'marquee', 'service.version': VERSION }))
    .merge(resources.detectResources({ detectors: [resources.envDetector] }))
  const exporter = new OTLPTraceExporter(timeoutGiven ? {} : { timeoutMillis: PATIENCE_MS })
  const provider = new sdk.NodeTracerProvider({ resource, spanProcessors: [new sdk.BatchSpanProcessor(exporter)] })
  provider.register()
  const tracer = provider.getTracer('marquee', VERSION)
  const spans = new WeakMap<IncomingMessage, Span>()
  const calls = new WeakMap<Span, number>()

  function name (span: Span, { method = '' }: IncomingMessage, route: string): void {
    span.setAttribute('http.route', route)
    span.updateName(`${METHODS.has(method) ? method : 'HTTP'} ${route}`)
  }

  return {
    request: (req, res, answer) => {
      const { method = '', httpVersion } = req
      const known = METHODS.has(method)
      const span = tracer.startSpan(known ? method : 'HTTP', {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': known ? method : '_OTHER', ...(known ? {} : { 'http.request.method_original': method }),
          'url.path': req.url!.split('?', 1)[0]!, 'url.scheme': 'http', 'network.protocol.version': httpVersion
        }
      }, propagation.extract(context.active(), req.headers))
      res.once('close', () => {
        if (res.headersSent) span.setAttribute('http.response.status_code', res.statusCode)
        if (!res.writableFinished) span.setAttribute('error.type', 'broken')
        if (res.statusCode >= 500) span.setAttribute('error.type', String(res.statusCode)).setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      })
      const inside = trace.setSpan(context.active(), span)
      // the events of a body come from the connection, which knows no request
      context.bind(inside, req)
      context.bind(inside, res)
      spans.set(req, span)
      if (context.with(inside, () => answer(req, res))) name(span, req, BLOB_ROUTE)
    },

    routed: ({ raw, routeOptions: { url } }) => {
      const span = spans.get(raw)
      if (span !== undefined && url !== undefined) name(span, raw, routeName(url))
    },

    call: ({ store, part, action }) => {
      const parent = trace.getActiveSpan()
      // work in the background is nobody's request
      if (parent === undefined || !parent.isRecording()) return null
      const count = (calls.get(parent) ?? 0) + 1
      calls.set(parent, count)
      if (count > MOST_CALLS) return null
      const span = tracer.startSpan(`${store} ${part} ${action}`, {
        kind: store === 'minio' ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes: { 'marquee.store': store, 'marquee.store.part': part, 'marquee.store.action': action }
      })
      return (fault) => {
        if (fault !== null) span.setAttribute('error.type', typeOf(fault)).setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      }
    },

    close: async () => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise((resolve) => { timer = setTimeout(resolve, PATIENCE_MS) })
      await Promise.race([provider.shutdown().catch((error: unknown) => { warn(String(error)) }), late])
      clearTimeout(timer)
    }
  }
}

/** ENOSPC, ECONNREFUSED, NoSuchBucket …: never the message, in which anything may stand. */
function typeOf (fault: unknown): string {
  const { code, cause, name } = fault as { code?: unknown, cause?: { code?: unknown }, name?: unknown }
  return String(cause?.code ?? code ?? name ?? 'fault')
}
