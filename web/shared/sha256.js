// Sha256 of bytes, as 64 hex digits: by WebCrypto where the browser offers it. It does on https and on this machine; a page over plain http from
// elsewhere has none, so FIPS 180-4 is written out below for it: slower, and right all the same.

/** @param {Uint8Array} bytes */
export async function sha256Hex (bytes) {
  const subtle = globalThis.crypto?.subtle
  return hexOf(subtle === undefined ? sha256(bytes) : new Uint8Array(await subtle.digest('SHA-256', bytes)))
}

/** @param {Uint8Array} bytes */
export function hexOf (bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The first `count` primes. @param {number} count */
function primes (count) {
  const found = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

/** The first 32 bits of a number's fraction. @param {number} value */
const fraction = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0
const ROUNDS = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))
const START = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))

/** FIPS 180-4 §6.2. @param {Uint8Array} bytes @returns {Uint8Array} 32 bytes */
export function sha256 (bytes) {
  return new Sha256().update(bytes).digest()
}

/** The same for what comes piece by piece, and need not be in memory at once. */
export class Sha256 {
  #state = START.slice()
  #words = new Int32Array(64)
  /** Up to 64 bytes that do not fill a block yet. */
  #rest = new Uint8Array(64)
  #waiting = 0
  #length = 0

  /** @param {Uint8Array} bytes */
  update (bytes) {
    this.#length += bytes.length
    let from = 0
    if (this.#waiting > 0) {
      from = Math.min(64 - this.#waiting, bytes.length)
      this.#rest.set(bytes.subarray(0, from), this.#waiting)
      this.#waiting += from
      if (this.#waiting < 64) return this
      mix(this.#state, this.#words, new DataView(this.#rest.buffer), 0)
      this.#waiting = 0
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; from + 64 <= bytes.length; from += 64) mix(this.#state, this.#words, view, from)
    this.#rest.set(bytes.subarray(from))
    this.#waiting = bytes.length - from
    return this
  }

  /** The 32 bytes; nothing may come after. */
  digest () {
    // the rest, a one, zeros, and the length in bits
    const last = new Uint8Array(this.#waiting < 56 ? 64 : 128)
    last.set(this.#rest.subarray(0, this.#waiting))
    last[this.#waiting] = 0x80
    const end = new DataView(last.buffer)
    end.setUint32(last.length - 8, Math.floor(this.#length / 2 ** 29))
    end.setUint32(last.length - 4, this.#length * 8 >>> 0)
    for (let at = 0; at < last.length; at += 64) mix(this.#state, this.#words, end, at)
    const digest = new DataView(new ArrayBuffer(32))
    for (let i = 0; i < 8; i++) digest.setInt32(4 * i, this.#state[i])
    return new Uint8Array(digest.buffer)
  }
}

/** A file larger than this is hashed piece by piece, slower: WebCrypto takes nothing but the whole. */
const WHOLE_LIMIT = 128 * 1024 * 1024

/** Of a file. @param {Blob} file @param {(bytes: number) => void} [onBytes] how many were hashed @param {AbortSignal} [signal] */
export async function sha256OfFile (file, onBytes = () => {}, signal) {
  if (file.size <= WHOLE_LIMIT) {
    const hex = await sha256Hex(new Uint8Array(await file.arrayBuffer()))
    onBytes(file.size)
    return hex
  }
  const hash = new Sha256()
  let done = 0
  const reader = file.stream().getReader()
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    signal?.throwIfAborted()
    hash.update(piece.value)
    onBytes(done += piece.value.length)
  }
  return hexOf(hash.digest())
}

/** One block of 64 bytes. @param {Int32Array} state @param {Int32Array} words @param {DataView} view @param {number} at */
function mix (state, words, view, at) {
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i)
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15]
    const y = words[i - 2]
    const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3
    const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10
    words[i] = words[i - 16] + s0 + words[i - 7] + s1 | 0
  }
  let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7]
  for (let i = 0; i < 64; i++) {
    const one = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + ROUNDS[i] + words[i] | 0
    const two = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0
    h = g
    g = f
    f = e
    e = d + one | 0
    d = c
    c = b
    b = a
    a = one + two | 0
  }
  state[0] += a
  state[1] += b
  state[2] += c
  state[3] += d
  state[4] += e
  state[5] += f
  state[6] += g
  state[7] += h
}
