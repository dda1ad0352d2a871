// BUD-01: every answer is readable by a page of any site, refusals included. One table, put on every answer by app.ts; the few that
// Fastify does not write (a header block too large, a broken request line) take it from here too.

/** 01-2: every response MUST have it. The exposed headers end in `*` for audit tools and name each one for old engines. */
export const CORS_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'X-Reason, Sunset, ETag, Content-Range, Accept-Ranges, Content-Length, Last-Modified, Retry-After, ' +
    'WWW-Authenticate, Link, X-Cashu, X-Lightning, *'
}

/**
 * 01-3, 01-4: a preflight MUST allow at least `Authorization, *` (the star does not cover Authorization) and GET, HEAD, PUT, DELETE.
 * A day of Max-Age saves a preflight an upload.
 */
export const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  ...CORS_HEADERS,
  'access-control-allow-headers': 'Authorization, Content-Type, Content-Length, Range, If-None-Match, If-Range, X-SHA-256, ' +
    'X-Content-Length, X-Content-Type, X-Expiration, *',
  'access-control-allow-methods': 'GET, HEAD, PUT, POST, DELETE, OPTIONS',
  'access-control-max-age': '86400'
}
