// AWS Signature Version 4 in the headers of one request, for the calls that are made by the thousand: 20 µs each. The key of a day is derived
// once; host, our few headers and the payload's hash are signed. Takes the time as an argument.

import { createHmac, hash } from 'node:crypto'

export const UNSIGNED = 'UNSIGNED-PAYLOAD'
/** sha256 of nothing. */
export const NO_PAYLOAD = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export interface SignerParts {
  accessKey: string
  secretKey: string
  region: string
  /** As it stands in the Host header. */
  host: string
}

export interface Unsigned {
  method: string
  /** Encoded, from the slash on. */
  path: string
  /** Encoded and sorted by name; '' for none. */
  query: string
  /** Names in lower case, values of visible ASCII without double spaces: they are signed as they are sent. */
  headers: Readonly<Record<string, string>>
  /** sha256 of the body in hex, or UNSIGNED. */
  payload: string
}

function hmac (key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** A path as S3 wants it signed: every octet but letters, digits and `-._~/` is percent-encoded. */
export function encodePath (path: string): string {
  if (/^[\w./-]*$/.test(path)) return path // all of our own keys
  return encodeURIComponent(path).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%2F', '/')
}

export class Signer {
  readonly #parts: SignerParts
  #day = ''
  #key: Buffer = Buffer.alloc(0)
  #second = 0
  #time = ''

  constructor (parts: SignerParts) {
    this.#parts = parts
  }

  /** The head of an HTTP/1.1 request, signed, to its empty line. `now` in unix milliseconds. Throws Error on a header that cannot be signed. */
  head ({ method, path, query, headers, payload }: Unsigned, now: number): string {
    const { accessKey, host, region } = this.#parts
    const time = this.#timeOf(now)
    const day = time.slice(0, 8)
    const all: Record<string, string> = { ...headers, host, 'x-amz-content-sha256': payload, 'x-amz-date': time }
    const names = Object.keys(all).sort()
    let lines = ''
    let signed = ''
    for (const name of names) {
      const value = all[name]!
      if (/[^\x20-\x7e]| {2}|^ | $/.test(value)) throw new Error(`the header ${name} cannot be signed`)
      lines += `${name}: ${value}\r\n`
      signed += `${name}:${value}\n`
    }
    const list = names.join(';')
    const scope = `${day}/${region}/s3/aws4_request`
    const digest = hash('sha256', `${method}\n${path}\n${query}\n${signed}\n${list}\n${payload}`, 'hex')
    const signature = createHmac('sha256', this.#keyOf(day)).update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`).digest('hex')
    const target = query === '' ? path : `${path}?${query}`
    return `${method} ${target} HTTP/1.1\r\n${lines}authorization: AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${list}, Signature=${signature}\r\n\r\n`
  }

  #timeOf (now: number): string {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#time = new Date(second * 1000).toISOString().replace(/[-:]|\.\d{3}/g, '')
    }
    return this.#time
  }

  #keyOf (day: string): Buffer {
    if (day !== this.#day) {
      this.#day = day
      this.#key = hmac(hmac(hmac(hmac(`AWS4${this.#parts.secretKey}`, day), this.#parts.region), 's3'), 'aws4_request')
    }
    return this.#key
  }
}
