// The blob descriptor of BUD-02 on the wire, written once. Pure.

import { extensionOf } from '../stores/media-type.ts'
import { buildFileTags } from './bud-08-file-tags.ts'

export interface BlobDescriptor {
  url: string
  sha256: string
  /** Bytes. */
  size: number
  type: string
  /** Unix seconds. */
  uploaded: number
  nip94?: string[][]
}

interface Described {
  sha256: string
  size: number
  type: string
  uploaded: number
}

/** 02-3: the URL MUST end in a file extension; `.bin` when nothing better is known. `origin` is our public one. */
export function buildDescriptor (blob: Described, origin: string): BlobDescriptor {
  const { sha256, size, type, uploaded } = blob
  return { url: `${origin}/${sha256}.${extensionOf(type)}`, sha256, size, type, uploaded }
}

/** The same with the `nip94` tags of BUD-08, as uploads and mirrors answer. */
export function buildTaggedDescriptor (blob: Described, origin: string): BlobDescriptor {
  const descriptor = buildDescriptor(blob, origin)
  return { ...descriptor, nip94: buildFileTags(descriptor) }
}
