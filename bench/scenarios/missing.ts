// GET of a blob that is not there: 404 (BUD-01), against nginx's own 404.

import { randomBytes } from 'node:crypto'
import { ask, insist } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { CONNECTIONS, besideNginx } from './beside-nginx.ts'
import type { Bench, Row } from '../plan.ts'

export async function missing (bench: Bench): Promise<Row[]> {
  const path = `/${randomBytes(32).toString('hex')}`
  return [await besideNginx(bench, 'GET of a blob that is not there', async ({ url }) => {
    insist('GET of nothing', await ask(`${url}${path}`), 404)
    return wrk(bench, { url, paths: [path], connections: CONNECTIONS, missing: true })
  })]
}
