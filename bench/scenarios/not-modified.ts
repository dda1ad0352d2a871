// GET with If-None-Match of a blob that the client has: 304 (RFC 9110 §13.1.2), against nginx's own 304 for its own ETag of the same bytes.

import { ask, insist } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { CONNECTIONS, besideNginx } from './beside-nginx.ts'
import type { Bench, Row } from '../plan.ts'

export async function notModified (bench: Bench): Promise<Row[]> {
  return [await besideNginx(bench, 'GET with If-None-Match (304)', async ({ url, path, etag }) => {
    const headers = { 'if-none-match': etag }
    insist('GET with If-None-Match', await ask(`${url}${path}`, { headers }), 304)
    return wrk(bench, { url, paths: [path], connections: CONNECTIONS, headers })
  })]
}
