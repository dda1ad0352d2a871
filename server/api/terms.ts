// /.well-known/marquee.json: what holds here, so that a client need not find out by trial. Made of the configuration and of the constants that the
// rooms themselves go by. Pure.

import { BLOSSOM_KIND, HTTP_KIND } from '../auth/token.ts'
import { WINDOW_SECONDS } from '../auth/nip98.ts'
import { MAX_PAGE } from '../buds/bud-12-management.ts'
import { MAX_HASHES } from '../buds/bud-09-report.ts'
import { JSON_LIMIT } from '../json-body.ts'
import { MAX_RANGES } from '../buds/range.ts'
import { ENDPOINT_TABLE } from './endpoints.ts'
import type { Config } from '../config.ts'

export type Terms = Pick<Config, 'maxBlobSize' | 'types' | 'policy' | 'uploadPubkeys' | 'readPubkeys' | 'anonymousUploads' | 'list' | 'requireServerTag' | 'mirrorAllowPrivate' | 'idleTimeout' | 'offload' | 'retention' | 'media'>

/** `about`: what GET / says. Sizes in bytes, times in seconds; keys that may do more than others are not named. */
export function buildTerms (terms: Terms, maxHeaderSize: number, about: Record<string, unknown>): Record<string, unknown> {
  const { maxBlobSize, types, policy, uploadPubkeys, readPubkeys, anonymousUploads, list, requireServerTag, mirrorAllowPrivate, idleTimeout, offload, retention, media } = terms
  return {
    ...about,
    buds: [1, 2, 4, ...(media.enabled ? [5] : []), 6, 8, 9, 11, 12],
    limits: {
      blobBytes: maxBlobSize, headerBytes: maxHeaderSize, jsonBodyBytes: JSON_LIMIT, idleSeconds: idleTimeout / 1000, listItems: MAX_PAGE, ranges: MAX_RANGES, reportHashes: MAX_HASHES
    },
    uploads: {
      // the keys themselves stay the operator's
      keys: uploadPubkeys.length === 0 ? 'any' : 'some',
      withoutToken: anonymousUploads,
      types,
      rules: policy.map(({ pubkeys, types, maxSize, deny }) => ({
        keys: pubkeys === undefined ? 'any' : 'some', types: types ?? ['*/*'],
        ...(maxSize === undefined ? {} : { blobBytes: maxSize }), ...(deny === undefined ? {} : { deny })
      }))
    },
    reads: { token: readPubkeys.length > 0, redirects: offload.mode === 'redirect' },
    // the first that matches decides; one without a time keeps for ever
    retention: retention.map(({ pubkeys, types, minSize, keep, keepUnread }) => ({
      keys: pubkeys === undefined ? 'any' : 'some', types: types ?? ['*/*'], ...(minSize === undefined ? {} : { minBytes: minSize }),
      ...(keep === undefined ? {} : { keepSeconds: keep }), ...(keepUnread === undefined ? {} : { keepUnreadSeconds: keepUnread })
    })),
    ...(media.enabled ? { media: { bodyBytes: media.maxSize, pixels: media.maxPixels, longestSide: media.maxSide, pictures: media.format } } : {}),
    mirror: { privateAddresses: mirrorAllowPrivate },
    lists: list,
    tokens: { kinds: [BLOSSOM_KIND, HTTP_KIND], http: { windowSeconds: WINDOW_SECONDS }, serverTag: requireServerTag ? ['delete'] : [] },
    endpoints: ENDPOINT_TABLE.filter(({ id, path }) => (id !== 'list' || list !== 'off') && (path !== '/media' || media.enabled)).map(({ method, path, token }) =>
      ({ method, path, token: token === 'list' && list === 'public' ? 'none' : token }))
  }
}
