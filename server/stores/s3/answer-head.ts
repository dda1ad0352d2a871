// The head of an HTTP/1.1 answer (RFC 9112 §4, §6): what a client must know of it to read the body and to use the connection again. Pure.

export interface AnswerHead {
  status: number
  /** Bytes of the body as announced; null when the head does not say. */
  length: number | null
  chunked: boolean
  /** The connection may carry another request. */
  kept: boolean
  /** Without quotes; '' for none. */
  etag: string
}

/** Status line and fields without the empty line. Throws Error on what is no HTTP/1.x answer. */
export function parseAnswerHead (text: string): AnswerHead {
  const status = /^HTTP\/1\.([01]) (\d{3})(?: |\r|$)/.exec(text)
  if (status === null) throw new Error('the store does not speak HTTP/1.1')
  const chunked = /\r\ntransfer-encoding:[ \t]*chunked/i.test(text)
  const length = /\r\ncontent-length:[ \t]*(\d+)[ \t]*(?:\r|$)/i.exec(text)
  const code = Number(status[2])
  const bodiless = code === 204 || code === 304 || code < 200
  return {
    status: code,
    length: bodiless ? 0 : chunked || length === null ? null : Number(length[1]),
    chunked: chunked && !bodiless,
    kept: status[1] === '1' && !/\r\nconnection:[ \t]*close/i.test(text),
    etag: /\r\netag:[ \t]*"?([^"\r]*)"?/i.exec(text)?.[1] ?? ''
  }
}

/** The body of a chunked message once all of it has come; null before. Throws Error on what is not chunked. */
export function decodeChunked (bytes: Buffer): Buffer | null {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    if (line === -1) return null
    const size = /^[0-9a-f]{1,8}(?=;|$)/i.exec(bytes.toString('latin1', at, line))
    if (size === null) throw new Error('the store sent a damaged chunk')
    const length = parseInt(size[0], 16)
    // the last chunk has no bytes; what follows it, up to an empty line, are fields that nobody needs
    if (length === 0) return bytes.indexOf('\r\n\r\n', line) === -1 ? null : Buffer.concat(chunks)
    if (bytes.length < line + 2 + length + 2) return null
    chunks.push(bytes.subarray(line + 2, line + 2 + length))
    at = line + 2 + length + 2
  }
}
