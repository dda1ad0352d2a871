// What our pages may do (Content Security Policy 3). Blobs of strangers are served from our own origin, so 'self' is no bound for what acts: a
// script or a style sheet runs by the nonce of this one answer alone. Pure.

export interface PageNeeds {
  /** It asks other servers than ours: the player. */
  asksOthers: boolean
  /** It plays films, which come through a MediaSource. */
  plays: boolean
}

/** A module's imports carry its nonce on (HTML, "descendant script fetch options"), so that no 'strict-dynamic' is needed: it would let a script add others. */
export function pagePolicy (nonce: string, { asksOthers, plays }: PageNeeds): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    // posters lie with whoever has them, and a picture can do nothing
    'img-src http: https: blob:',
    `connect-src ${asksOthers ? 'http: https:' : "'self'"}`,
    // hls.js hangs subtitles on an empty track, `data:,WEBVTT`
    ...(plays ? ['media-src blob: http: https: data:'] : []),
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    // no text becomes markup or code anywhere in our pages
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; ')
}
