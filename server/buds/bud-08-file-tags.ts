// The `nip94` member of a blob descriptor: an array of key and value pairs. Pure. BUD-08, NIP-94.

/** NIP-94 tags of a descriptor. Every value is a string, the size (in bytes) too; the media type's name is lowercase as NIP-94 wants it. */
export function buildFileTags (descriptor: { url: string, sha256: string, size: number, type: string }): string[][] {
  return [
    ['url', descriptor.url],
    // A parameter after the semicolon may mind its case.
    ['m', descriptor.type.replace(/^[^;]*/, name => name.toLowerCase())],
    ['x', descriptor.sha256],
    ['size', String(descriptor.size)],
  ]
}
