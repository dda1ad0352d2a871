// BUD-02: PUT /upload, the bytes as they are. Judged from the headers before a byte of the body is read (onRequest), then streamed through
// the one door in. 201 for a new blob, 200 for one that was here.

import { single, admit } from './admission.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import { buildTaggedDescriptor } from './descriptor.ts'
import { sunsetOf } from './sunset.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Blobs } from '../stores/blobs.ts'
import type { Decisions } from '../stores/decisions.ts'
import type { Retention } from '../stores/retention.ts'
import type { Admission, AdmissionParts } from './admission.ts'
import type { Held } from './room.ts'

export interface UploadParts extends AdmissionParts {
  blobs: Blobs
  decisions: Decisions
  retention: Retention
}

export async function bud02 (app: FastifyInstance, parts: UploadParts): Promise<void> {
  const { blobs, guard, policy, lists, decisions, rates, queue } = parts
  const admissions = new WeakMap<FastifyRequest, Admission & { held: Held }>()

  // Fastify's own parsers would read JSON and text into memory and change them; ours leaves the body to the handler
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => { done(null) })

  app.put('/upload', {
    onRequest: async (request, reply) => {
      const { headers, raw } = request
      const from = rates.addressOf(raw)
      const admission = await admit(parts, { authorization: headers.authorization, method: 'PUT', target: raw.url!, from }, {
        sha256: single(headers['x-sha-256']), length: headers['content-length'], type: headers['content-type'],
        expiration: single(headers['x-expiration'])
      }, ENDPOINTS.upload, false)
      const ticket = queue.enter(from ?? admission.owner, () => raw.complete || raw.isPaused() ? null : raw.socket.bytesRead)
      reply.raw.once('close', ticket.leave)
      await ticket.turn
      const held = await parts.room.hold(admission)
      admissions.set(request, { ...admission, held })
      // gone before its handler began
      reply.raw.once('close', () => { if (admissions.has(request)) held.release() })
    }
  }, async (request, reply) => {
    const { token, owner, promised, likely, size, type, expires, held } = admissions.get(request)!
    admissions.delete(request)
    let hash = ''
    const receiving = blobs.receive(request.raw, {
      owner, type, extension: null, promised, likely, size, expires,
      // A1: without X-SHA-256 the x tags are compared with the hash of the bytes that came
      acceptHash: (sha256) => {
        if (token !== null) guard.cover(token, ENDPOINTS.upload, sha256)
        lists.judge(sha256)
        hash = sha256
      },
      acceptType: (found, bytes) => {
        policy.judge({ pubkey: token?.pubkey ?? null, type: found, size: bytes })
        held.settle(hash, bytes)
      },
      grow: held.grow
    })
    const { blob, created } = await receiving.finally(held.release)
    await decisions.keep(blob.sha256)
    // 02-11, 02-12: newly stored MUST be 201, already stored MUST be 200
    return reply.code(created ? 201 : 200).headers(sunsetOf(parts.retention, blob)).send(buildTaggedDescriptor(blob, guard.names.publicUrl))
  })
}
