// A server on loopback that passes requests on to a real one, and does with its blobs what a broken or dishonest one would: what a page is opened on
// when the server at hand must fail.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What befalls a path: an answer of 500, none for ever, one that is cut in the middle, or one with a byte changed. Null: nothing. */
export type Trouble = '500' | 'hang' | 'cut' | 'change' | null

export interface BlobFront {
  url: string
  /** What befalls the answer to a GET of this path; may be set at any time. */
  trouble: (path: string) => Trouble
  /** How many answers something befell. */
  hits: number
}

export async function startBlobFront (t: Test, real: string): Promise<BlobFront> {
  const { hostname, port } = new URL(real)
  const front: BlobFront = { url: '', trouble: () => null, hits: 0 }
  const server = http.createServer((request, response) => {
    const trouble = request.method === 'GET' ? front.trouble(request.url!) : null
    if (trouble !== null) front.hits++
    const cors = { 'access-control-allow-origin': '*' }
    if (trouble === 'hang') return
    if (trouble === '500') return void response.writeHead(500, cors).end('broken')
    const onward = http.request({ hostname, port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const body = Buffer.concat(chunks)
        response.writeHead(answer.statusCode!, answer.rawHeaders)
        if (trouble === 'cut') return void response.write(body.subarray(0, body.length >> 1), () => { response.destroy() })
        if (trouble === 'change' && body.length > 0) body[body.length >> 1]! ^= 1
        response.end(request.method === 'HEAD' ? undefined : body)
      })
    })
    onward.on('error', () => { response.destroy() })
    request.pipe(onward)
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return front
}
