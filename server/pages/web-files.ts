// The files of web/ and the player library, as they are served below /web/: read once at the start, each with its type and ETag. They are plain
// source: no build step stands between what is here and what a browser runs.

import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

export interface WebFile {
  bytes: Buffer
  /** The same, gzipped: made when it is first asked for. */
  gzipped: () => Buffer
  type: string
  etag: string
}

/** Folder and name, as `shared/ui.css`. */
export type WebFiles = ReadonlyMap<string, WebFile>

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8', mjs: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml', html: 'text/html; charset=utf-8'
}

/** Not in our tree: from the packages that are installed. */
const VENDOR: Readonly<Record<string, string>> = { 'vendor/hls.mjs': 'hls.js/dist/hls.min.mjs' }

/** Above us by two folders in the source, by three in dist/. */
function webFolder (): string {
  const place = ['../../web/', '../../../web/'].map((each) => fileURLToPath(new URL(each, import.meta.url))).find((each) => existsSync(`${each}shared`))
  if (place === undefined) throw new Error('the folder web/ is missing: it belongs beside package.json')
  return place
}

/** Every file of web/, two levels deep. Throws when the folder or a library is not there. */
export function readWebFiles (): WebFiles {
  const root = webFolder()
  const ours = readdirSync(root, { withFileTypes: true }).filter((each) => each.isDirectory())
    .flatMap(({ name: folder }) => readdirSync(`${root}${folder}`).map((file) => [`${folder}/${file}`, `${root}${folder}/${file}`] as const))
  const { resolve } = createRequire(import.meta.url)
  const theirs = Object.entries(VENDOR).map(([name, of]) => [name, resolve(of)] as const)
  return new Map([...ours, ...theirs].flatMap(([name, path]) => {
    const type = TYPES[name.split('.').at(-1)!]
    return type === undefined ? [] : [[name, webFile(readFileSync(path), type)] as const]
  }))
}

function webFile (bytes: Buffer, type: string): WebFile {
  let gzipped: Buffer | null = null
  return { bytes, type, etag: `"${hash('sha256', bytes, 'base64url').slice(0, 27)}"`, gzipped: () => gzipped ??= gzipSync(bytes) }
}
