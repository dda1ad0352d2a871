// BUD-05: PUT /media, a picture or a video made fit to be shown (server/media/), and HEAD /media, would it be taken now? The same road as an upload up to
// the body: `X-SHA-256`, the token's `x` and the 409 are about the bytes that come, the descriptor is about the blob they become. The bytes themselves are
// not kept. GET never transforms anything.

import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { kindNamed, kindOf } from '../media/kinds.ts'
import { UNTYPED, essenceOf } from '../stores/media-type.ts'
import { admit, single } from './admission.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import { buildDescriptor, buildTaggedDescriptor } from './descriptor.ts'
import { writeBody } from './media-body.ts'
import { sunsetOf } from './sunset.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { MediaKind } from '../media/kinds.ts'
import type { Made, MadeVideo } from '../media/limits.ts'
import type { MediaLine } from '../media/line.ts'
import type { MediaWork } from '../media/work.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Blob } from '../stores/descriptors.ts'
import type { Decisions } from '../stores/decisions.ts'
import type { Received } from '../stores/receiving.ts'
import type { Retention } from '../stores/retention.ts'
import type { Admission, AdmissionParts, Claims } from './admission.ts'
import type { BlobDescriptor } from './descriptor.ts'
import type { Held } from './room.ts'

export interface MediaParts extends Omit<AdmissionParts, 'settings'> {
  blobs: Blobs
  decisions: Decisions
  retention: Retention
  media: { line: MediaLine, work: MediaWork }
  settings: { readonly current: { readonly anonymousUploads: boolean, readonly idleTimeout: number, readonly maxBlobSize: number, readonly media: { readonly enabled: boolean, readonly maxSize: number } } }
}

interface Let extends Admission {
  held: Held
  place: ReturnType<MediaLine['enter']>
  /** Aborted when the client has left: nobody waits for the work. */
  gone: AbortSignal
  leaveQueue: () => void
}

export async function bud05 (app: FastifyInstance, parts: MediaParts): Promise<void> {
  const { blobs, guard, policy, lists, decisions, rates, queue, retention, settings, media } = parts
  const { line, work } = media
  const admissions = new WeakMap<FastifyRequest, Let>()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => { done(null) })

  /** What the headers say is no medium, or too large a one, is refused as an upload of a refused type or size is: before the token. */
  const mediaPolicy = {
    judge: policy.judge.bind(policy),
    judgeClaims: (facts: Parameters<typeof policy.judgeClaims>[0]) => {
      policy.judgeClaims(facts)
      const { maxSize } = settings.current.media
      if (facts.size !== null && facts.size > maxSize) throw new Failure('TOO_LARGE', `${maxSize} bytes at most`)
      if (namesNothing(facts.type)) throw new Failure('MEDIA_REFUSED')
    }
  }

  /** As `admit`; an endpoint that is switched off is not there. */
  async function letIn (request: FastifyRequest, method: 'HEAD' | 'PUT', claims: Claims): Promise<Admission> {
    if (!settings.current.media.enabled) throw new Failure('PATH_UNKNOWN')
    const { headers, raw } = request
    const preflight = method === 'HEAD'
    const admission = await admit({ ...parts, policy: mediaPolicy }, { authorization: headers.authorization, method, target: raw.url!, from: rates.addressOf(raw) },
      claims, preflight ? ENDPOINTS.mediaPreflight : ENDPOINTS.media, preflight)
    const named = admission.type === null ? null : kindNamed(essenceOf(admission.type))
    if (named !== null) await work.judge(named)
    return admission
  }

  app.head('/media', async (request, reply) => {
    const { headers } = request
    const { owner } = await letIn(request, 'HEAD', {
      sha256: single(headers['x-sha-256']), length: single(headers['x-content-length']), type: single(headers['x-content-type']), expiration: single(headers['x-expiration'])
    })
    line.judge(owner)
    return reply.code(200).send()
  })

  app.put('/media', {
    onRequest: async (request, reply) => {
      const { headers, raw } = request
      const admission = await letIn(request, 'PUT', {
        sha256: single(headers['x-sha-256']), length: headers['content-length'], type: headers['content-type'], expiration: single(headers['x-expiration'])
      })
      const place = line.enter(admission.owner)
      const left = new AbortController()
      reply.raw.once('close', () => {
        place.leave()
        left.abort(new Failure('BODY_BROKEN'))
      })
      const ticket = queue.enter(rates.addressOf(raw) ?? admission.owner, () => raw.complete || raw.isPaused() ? null : raw.socket.bytesRead)
      reply.raw.once('close', ticket.leave)
      await ticket.turn
      const held = await parts.room.hold(admission)
      reply.raw.once('close', held.release)
      admissions.set(request, { ...admission, held, place, gone: left.signal, leaveQueue: ticket.leave })
    }
  }, async (request, reply) => {
    const { blob, created, descriptor } = await receive(request, admissions.get(request)!)
    await decisions.keep(blob.sha256)
    // 05-4: success MUST be 200 or 201, with a descriptor
    return reply.code(created ? 201 : 200).headers(sunsetOf(retention, blob)).send(descriptor)
  })

  async function receive (request: FastifyRequest, admission: Let): Promise<Received & { descriptor: BlobDescriptor }> {
    const job = await work.begin()
    try {
      const { kind, sha256, size, head } = await takeBody(request, job.folder, admission)
      await admission.place.turn()
      const made = await work.make(kind, { folder: job.folder, size, head, signal: admission.gone })
      const { blob, created, poster } = await store(made, admission)
      return { blob, created, descriptor: describe(blob, made, poster, sha256) }
    } finally {
      await job.leave()
      admission.place.leave()
    }
  }

  /** The body as the file `in`, and what it is. */
  async function takeBody ({ raw }: FastifyRequest, folder: string, { token, promised, size, held, leaveQueue }: Let): Promise<{ kind: MediaKind, sha256: string, size: number, head: Buffer }> {
    const { idleTimeout, maxBlobSize, media: { maxSize } } = settings.current
    const arrival = await writeBody(raw, join(folder, 'in'), { maxSize: Math.min(maxSize, maxBlobSize), idleTimeout, grow: held.grow }).finally(() => {
      leaveQueue()
      held.release()
    })
    if (size !== null && arrival.size !== size) throw new Failure('LENGTH_WRONG')
    if (promised !== null && arrival.sha256 !== promised) throw new Failure('HASH_MISMATCH')
    if (token !== null) guard.cover(token, ENDPOINTS.media, arrival.sha256)
    lists.judge(arrival.sha256)
    const kind = await kindOf(arrival.head)
    if (kind === null) throw new Failure('MEDIA_REFUSED')
    policy.judge({ pubkey: token?.pubkey ?? null, type: kind.type, size: arrival.size })
    return { kind, sha256: arrival.sha256, size: arrival.size, head: arrival.head }
  }

  /** The poster first: no descriptor names a poster that is not here. */
  async function store (made: Made | MadeVideo, admission: Let): Promise<Received & { poster: Blob | null }> {
    if (!('poster' in made)) return { ...await storeOne(made, admission), poster: null }
    const poster = await storeOne(made.poster, admission)
    try {
      const received = await storeOne(made, admission)
      await decisions.keep(poster.blob.sha256)
      return { ...received, poster: poster.blob }
    } catch (error) {
      if (!poster.had) await blobs.disown(poster.blob.sha256, admission.owner)
      throw error
    }
  }

  async function storeOne ({ path, type, size }: Made, { owner, token, expires }: Let): Promise<Received & { had: boolean }> {
    const held = await parts.room.hold({ owner, likely: null, size })
    let [hash, had] = ['', false]
    const file = createReadStream(path)
    try {
      const received = await blobs.receive(file, {
        owner, type, extension: null, promised: null, likely: null, size, expires,
        acceptHash: (sha256) => {
          lists.judge(sha256)
          hash = sha256
          had = blobs.owns(sha256, owner)
        },
        acceptType: (found, bytes) => {
          policy.judge({ pubkey: token?.pubkey ?? null, type: found, size: bytes })
          held.settle(hash, bytes)
        },
        grow: held.grow
      })
      return { ...received, had }
    } finally {
      held.release()
      file.destroy()
    }
  }

  /** NIP-94: `ox` is the hash of what was sent, `thumb` and `image` are a video's poster. */
  function describe (blob: Blob, made: Made | MadeVideo, poster: Blob | null, sent: string): BlobDescriptor {
    const descriptor = buildTaggedDescriptor(blob, guard.names.publicUrl)
    const tags = [...descriptor.nip94!, ['ox', sent], ['dim', `${made.width}x${made.height}`]]
    if ('duration' in made && made.duration !== null) tags.push(['duration', String(made.duration)])
    if (poster !== null) {
      const { url } = buildDescriptor(poster, guard.names.publicUrl)
      tags.push(['image', url, poster.sha256], ['thumb', url, poster.sha256])
    }
    return { ...descriptor, nip94: tags }
  }
}

/** A type that the sender names and that is nothing we work on; octet-stream names nothing, and the bytes will tell. */
function namesNothing (type: string | null): boolean {
  return type !== null && essenceOf(type) !== UNTYPED && kindNamed(essenceOf(type)) === null
}
