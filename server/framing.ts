// Messages whose end two readers might see in different places (RFC 9112 §6.1, §11.2). Node's parser refuses most of them: two lengths, a length
// beside a transfer coding, bare line feeds. What it lets through and a proxy in front might read otherwise is refused here.

import { CORS_HEADERS } from './cors.ts'
import { Failure } from './errors.ts'
import { refusalBody, refusalHeaders } from './refusal.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** RFC 9112 §6.1: a coding we do not know SHOULD be refused. Node takes any list that ends in `chunked`; we know `chunked` alone, once. */
export function takesFraming ({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  if (coding === undefined) return true
  // §6.1: a transfer coding in an HTTP/1.0 message MUST be treated as faulty framing
  return httpVersion === '1.1' && coding.toLowerCase() === 'chunked'
}

/** 400, and the connection ends: what follows on it might be anything. */
export function refuseFraming (res: ServerResponse): void {
  const failure = new Failure('REQUEST_INVALID', 'the only transfer coding is chunked, in HTTP/1.1')
  const body = refusalBody(failure)
  res.writeHead(failure.status, {
    ...CORS_HEADERS, ...refusalHeaders(failure), 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body), 'connection': 'close'
  }).end(body)
}
