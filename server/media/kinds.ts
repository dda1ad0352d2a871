// Which pictures and videos PUT /media works on (BUD-05), told by their first bytes alone: what a sender calls them opens no other reader. SVG is
// active content, HLS playlists and the like name other files: neither is in the table, so neither is ever opened. Pure.

import { fileTypeFromBuffer } from 'file-type'

export type PictureKind = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif'
export type VideoKind = 'mp4' | 'webm' | 'matroska'
export type MediaKind = { is: 'picture', kind: PictureKind, type: string } | { is: 'video', kind: VideoKind, type: string }

const picture = (kind: PictureKind, type: string): MediaKind => ({ is: 'picture', kind, type })
const video = (kind: VideoKind, type: string): MediaKind => ({ is: 'video', kind, type })

/** By the type that the bytes show or the sender names, lower case. */
const KINDS: Readonly<Record<string, MediaKind>> = {
  'image/jpeg': picture('jpeg', 'image/jpeg'),
  'image/jpg': picture('jpeg', 'image/jpeg'),
  'image/png': picture('png', 'image/png'),
  'image/webp': picture('webp', 'image/webp'),
  'image/avif': picture('avif', 'image/avif'),
  'image/gif': picture('gif', 'image/gif'),
  'video/mp4': video('mp4', 'video/mp4'),
  'video/x-m4v': video('mp4', 'video/mp4'),
  'video/quicktime': video('mp4', 'video/quicktime'),
  'video/3gpp': video('mp4', 'video/3gpp'),
  'video/3gpp2': video('mp4', 'video/3gpp2'),
  'video/webm': video('webm', 'video/webm'),
  'video/matroska': video('matroska', 'video/matroska'),
  'video/x-matroska': video('matroska', 'video/matroska')
}

/** What these first bytes (4,100 are plenty) begin; null for what is not worked on. */
export async function kindOf (head: Uint8Array): Promise<MediaKind | null> {
  const found = head.length === 0 ? undefined : await fileTypeFromBuffer(head).catch(() => undefined)
  return found === undefined ? null : kindNamed(found.mime)
}

/** What a media type without parameters names; null for what is not worked on. */
export function kindNamed (type: string): MediaKind | null {
  return Object.hasOwn(KINDS, type) ? KINDS[type]! : null
}
