// HEAD of a blob (BUD-01), against nginx's HEAD of the same file, both by our own client (load/heads.ts).

import { heads } from '../load/heads.ts'
import { CONNECTIONS, besideNginx } from './beside-nginx.ts'
import type { Bench, Row } from '../plan.ts'

export async function head (bench: Bench): Promise<Row[]> {
  const busy: number[] = []
  const row = await besideNginx(bench, 'HEAD', async ({ url, path }) => {
    const load = await heads({ url, paths: [path], connections: CONNECTIONS, seconds: bench.options.seconds })
    busy.push(load.busy)
    return load
  })
  const most = Math.max(...busy)
  return [{ ...row, notes: [`the client used up to ${Math.round(most * 100)} % of a core${most > 0.9 ? ': it may have been the limit of nginx; see CPU a request' : ''}`] }]
}
