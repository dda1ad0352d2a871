// BUD-06: HEAD /upload, "would this be accepted now?" The same checks in the same order as PUT, since it is the same road. It says nothing of
// whether the blob is here: that is HEAD /<sha256>.

import { admit, single } from './admission.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import type { FastifyInstance } from 'fastify'
import type { AdmissionParts } from './admission.ts'

export async function bud06 (app: FastifyInstance, parts: AdmissionParts): Promise<void> {
  app.head('/upload', async (request, reply) => {
    const { headers, raw } = request
    await admit(parts, { authorization: headers.authorization, method: 'HEAD', target: raw.url!, from: parts.rates.addressOf(raw) }, {
      sha256: single(headers['x-sha-256']), length: single(headers['x-content-length']), type: single(headers['x-content-type']),
      expiration: single(headers['x-expiration'])
    }, ENDPOINTS.uploadPreflight, true)
    return reply.code(200).send()
  })
}
