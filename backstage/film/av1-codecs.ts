// The RFC 6381 name of an AV1 track by the `av1C` box of its init segment ("AV1 Codec ISO Media File Format Binding", §2.3 and §5): ffmpeg does not
// write it into its playlists. Pure.

/** As `av01.0.08M.08`; null without such a box. */
export function readAv1Codecs (init: Uint8Array): string | null {
  const at = Buffer.from(init.buffer, init.byteOffset, init.byteLength).indexOf('av1C')
  if (at < 0 || at + 8 > init.length) return null
  const [profileLevel, flags] = [init[at + 5]!, init[at + 6]!]
  const [highBitdepth, twelveBit] = [(flags & 0x40) !== 0, (flags & 0x20) !== 0]
  const depth = highBitdepth ? (twelveBit ? 12 : 10) : 8
  const two = (n: number): string => String(n).padStart(2, '0')
  return `av01.${profileLevel >> 5}.${two(profileLevel & 0x1f)}${(flags & 0x80) !== 0 ? 'H' : 'M'}.${two(depth)}`
}
