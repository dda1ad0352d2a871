// Pictures and videos for tests of PUT /media: made by sharp and ffmpeg, small, the same on every run; and the request itself.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import type { Sharp } from 'sharp'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'
import type { Signer } from './keys.ts'

const run = promisify(execFile)

export const GPS = { IFD0: { Make: 'Secret Camera', Copyright: 'somebody' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 12/1 30/1', GPSLongitudeRef: 'E', GPSLongitude: '16/1 22/1 0/1' } }

/** A picture whose left half is red and whose right half is blue, with noise so that it cannot be tiny. */
export function twoHalves (width: number, height: number): Sharp {
  const half = { create: { width: Math.floor(width / 2), height, channels: 3 as const, background: '#0000ff' } }
  return sharp({ create: { width, height, channels: 3, background: '#ff0000' } }).composite([{ input: half, left: Math.ceil(width / 2), top: 0 }])
}

/** A JPEG that lies on its side: EXIF says how to turn it, and where it was taken. */
export function turnedPhoto (width: number, height: number, orientation: number): Promise<Buffer> {
  return twoHalves(width, height).withExif(GPS).withMetadata({ orientation }).jpeg({ quality: 90 }).toBuffer()
}

/** A GIF of frames of one colour each. */
export async function animation (frames: number, size: number): Promise<Buffer> {
  const raw = Buffer.concat(Array.from({ length: frames }, (_, i) => Buffer.alloc(size * size * 3, (i * 40) % 256)))
  return sharp(raw, { raw: { width: size, height: size * frames, channels: 3, pageHeight: size } }).gif({ delay: Array.from({ length: frames }, () => 100) }).toBuffer()
}

const made = new Map<string, Promise<Buffer>>()

/** What ffmpeg makes of these arguments, which end before the output's name. Made once in a process: nobody writes into what is returned. */
export function ffmpegMakes (extension: string, args: readonly string[]): Promise<Buffer> {
  const recipe = [extension, ...args].join('\0')
  const known = made.get(recipe) ?? runFfmpeg(extension, args)
  made.set(recipe, known)
  return known
}

async function runFfmpeg (extension: string, args: readonly string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-media-'))
  try {
    const path = join(folder, `made.${extension}`)
    await run('ffmpeg', ['-nostdin', '-v', 'error', ...args, path])
    return readFileSync(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const SCENE = ['-f', 'lavfi', '-i', 'testsrc=s=320x180:r=10:d=2', '-f', 'lavfi', '-i', 'sine=d=2', '-shortest']
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-metadata:s:a:0', 'language=eng']
export const PRIVATE = ['-metadata', 'location=+48.2+016.3/', '-metadata', 'title=a secret title', '-metadata', 'creation_time=2024-01-02T03:04:05Z']

/** An MP4 as a camera writes it: the index at its end, place and time in it. */
export function cameraVideo (): Promise<Buffer> {
  return ffmpegMakes('mp4', [...SCENE, ...H264, ...PRIVATE])
}

export function fastVideo (): Promise<Buffer> {
  return ffmpegMakes('mp4', [...SCENE, ...H264, '-movflags', '+faststart'])
}

/** The names of the top-level boxes of an MP4 file. */
export function boxesOf (bytes: Buffer): string[] {
  const names: string[] = []
  for (let at = 0; at + 8 <= bytes.length;) {
    const short = bytes.readUInt32BE(at)
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? bytes.length - at : short
    names.push(bytes.toString('latin1', at + 4, at + 8))
    if (size < 8) break
    at += size
  }
  return names
}

/** What ffprobe tells of some bytes, as JSON. */
export async function probe (bytes: Buffer): Promise<{ streams: Record<string, unknown>[], format: { tags?: Record<string, string>, duration: string } }> {
  const child = execFile('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', '-show_format', 'pipe:0'])
  let out = ''
  child.stdout!.on('data', (text: string) => { out += text })
  child.stdin!.on('error', () => {}).end(bytes)
  await new Promise((resolve) => { child.once('close', resolve) })
  return JSON.parse(out) as Awaited<ReturnType<typeof probe>>
}

/** Sends bytes with a right token; the answer. */
export function putMedia (url: string, signer: Signer, bytes: Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  const sha256 = sha256Hex(bytes)
  return fetch(`${url}/media`, {
    method: 'PUT', body: bytes as Uint8Array<ArrayBuffer>, headers: { 'authorization': signer.token('media', { hashes: [sha256] }), 'x-sha-256': sha256, ...headers }
  })
}

/** The same where it must be taken: the descriptor and the blob's bytes. */
export async function mediaOf (url: string, signer: Signer, bytes: Uint8Array, headers: Record<string, string> = {}): Promise<{ status: number, descriptor: BlobDescriptor, made: Buffer, tags: Map<string, string> }> {
  const response = await putMedia(url, signer, bytes, headers)
  if (!response.ok) throw new Error(`${response.status} ${response.headers.get('x-reason')}`)
  const descriptor = await response.json() as BlobDescriptor
  const made = Buffer.from(await (await fetch(descriptor.url)).arrayBuffer())
  return { status: response.status, descriptor, made, tags: new Map(descriptor.nip94!.map(([name, value]) => [name!, value!])) }
}
