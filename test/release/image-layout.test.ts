// OCI images as files of a release: a real layout made by a real tool becomes artifacts, and from the artifacts alone the image is laid out again,
// byte for byte, so that the tool takes it; and layouts that lie.

import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readImageLayout } from '../../backstage/release/image-layout.ts'
import { parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { requirePart } from '../support/parts.ts'
import { publisherOf } from '../support/release-command.ts'
import { APP, sha256Of } from '../support/release-chain.ts'

interface Registry { name: string, crane: (args: string[]) => string }

/** A registry on this machine, and crane to talk to it. */
async function startRegistry (t: Parameters<typeof publisherOf>[0], program: string): Promise<Registry> {
  const home = mkdtempSync(join(tmpdir(), 'marquee-crane-'))
  const child = spawn(program, ['registry', 'serve', '--address', '127.0.0.1:0'], { env: { HOME: home }, stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => {
    child.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  })
  const port = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      const found = /serving on port (\d+)/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('close', () => { reject(new Error(text)) })
  })
  return {
    name: `127.0.0.1:${port}`,
    crane: (args) => {
      const { status, stdout, stderr } = spawnSync(program, args, { env: { HOME: home }, encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
      return stdout.trim()
    }
  }
}

t.test('a real image goes into a release as files, and comes out of the files as the same image', async (t) => {
  const program = requirePart(t, 'crane')
  if (program === null) return
  const publisher = publisherOf(t)
  const at = (name: string): string => join(publisher.folder, name)
  for (const layer of ['one', 'two']) {
    mkdirSync(at(layer))
    writeFileSync(at(`${layer}/${layer}.txt`), layer.repeat(10_000))
    spawnSync('tar', ['-cf', at(`${layer}.tar`), '-C', at(layer), `${layer}.txt`])
  }
  const { name, crane } = await startRegistry(t, program)
  crane(['append', '--oci-empty-base', '-f', at('one.tar'), '-f', at('two.tar'), '-t', `${name}/web:1`])
  crane(['pull', '--format=oci', `${name}/web:1`, at('web')])
  const digest = crane(['digest', `${name}/web:1`])

  const { code, err } = await publisher.run(['make', '--app', APP, '--channel', 'stable', '--version', '1', '--sequence', '1', '--server', 'https://origin.example', '--image', 'web', '--out', 'release'])
  t.strictSame([code, err], [0, ''])
  const [image] = parseReleaseManifest(readFileSync(at('release/manifest.json'))).images!
  t.equal(image!.name, 'web')
  t.strictSame(image!.artifacts.map(({ role }) => role), ['index', 'manifest', 'config', 'layer', 'layer'])
  t.ok(image!.artifacts.some(({ sha256 }) => `sha256:${sha256}` === digest), 'the image\'s own digest is the name of a file')

  // a node has the manifest and the files by their sha256, nothing else
  const { files } = JSON.parse(readFileSync(at('release/files.json'), 'utf8')) as { files: Record<string, string> }
  mkdirSync(at('again/blobs/sha256'), { recursive: true })
  writeFileSync(at('again/oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  for (const [i, { sha256, size_bytes: size }] of image!.artifacts.entries()) {
    const bytes = readFileSync(files[sha256]!)
    t.strictSame([sha256Of(bytes), bytes.length], [sha256, size])
    writeFileSync(at(i === 0 ? 'again/index.json' : `again/blobs/sha256/${sha256}`), bytes)
  }
  t.equal(crane(['push', at('again'), `${name}/again:1`]).split('@')[1], digest)
  crane(['validate', '--remote', `${name}/again:1`])
  t.strictSame(readdirSync(at('again/blobs/sha256')).sort(), readdirSync(at('web/blobs/sha256')).sort())
})

/** A small layout of our own, to lie in. */
function layoutIn (folder: string): { manifest: string, layer: string } {
  const put = (bytes: string): { digest: string, size: number } => {
    writeFileSync(join(folder, 'blobs/sha256', sha256Of(bytes)), bytes)
    return { digest: `sha256:${sha256Of(bytes)}`, size: bytes.length }
  }
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const layer = put('a layer')
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...put('{}') }
  const text = JSON.stringify({ schemaVersion: 2, config, layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }] })
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...put(text) }] }))
  return { manifest: sha256Of(text), layer: sha256Of('a layer') }
}

const LIES: Record<string, readonly [RegExp, (folder: string, names: ReturnType<typeof layoutIn>) => void]> = {
  'a changed layer': [/not what its digest says/, (folder, { layer }) => { writeFileSync(join(folder, 'blobs/sha256', layer), 'b layer') }],
  'a layer that is not there': [/ENOENT/, (folder, { layer }) => { rmSync(join(folder, 'blobs/sha256', layer)) }],
  'a digest that climbs': [/only sha256/, (folder, { manifest }) => { replaceIn(join(folder, 'index.json'), `sha256:${manifest}`, 'sha256:../../../../etc/passwd') }],
  'another size': [/bytes, not/, (folder) => { replaceIn(join(folder, 'index.json'), /"size":\d+/, '"size":3') }],
  'sha512': [/only sha256/, (folder, { manifest }) => { replaceIn(join(folder, 'index.json'), `sha256:${manifest}`, `sha512:${manifest}`) }],
  'what is no image': [/neither an image/, (folder) => { replaceIn(join(folder, 'index.json'), 'application/vnd.oci.image.manifest.v1+json', 'text/plain') }],
  'a layer that is elsewhere': [/may not be distributed/, (folder) => { replaceIn(join(folder, 'index.json'), '"size":', '"urls":["https://x.example/"],"size":') }],
  'no image': [/has no image/, (folder) => { writeFileSync(join(folder, 'index.json'), '{"manifests":[]}') }],
  'no mark of a layout': [/ENOENT/, (folder) => { rmSync(join(folder, 'oci-layout')) }],
  'another version of the layout': [/version 1/, (folder) => { writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}') }],
  'an index within itself': [/indexes within indexes/, (folder) => { nest(folder, 5) }],
  'an index that is no JSON': [/no JSON/, (folder) => { writeFileSync(join(folder, 'index.json'), 'x') }]
}

function replaceIn (path: string, from: string | RegExp, to: string): void {
  const text = readFileSync(path, 'utf8')
  if (text.replace(from, to) === text) throw new Error(`${String(from)} is not in it`)
  writeFileSync(path, text.replace(from, to))
}

function nest (folder: string, depth: number): void {
  const path = join(folder, 'index.json')
  for (; depth > 0; depth--) {
    const text = readFileSync(path, 'utf8')
    writeFileSync(join(folder, 'blobs/sha256', sha256Of(text)), text)
    writeFileSync(path, JSON.stringify({ manifests: [{ mediaType: 'application/vnd.oci.image.index.v1+json', digest: `sha256:${sha256Of(text)}`, size: text.length }] }))
  }
}

t.test('a layout is read with its roles, and one that lies is refused', async (t) => {
  const good = t.testdir()
  const names = layoutIn(good)
  t.strictSame((await readImageLayout(good)).artifacts.map(({ role }) => role), ['index', 'manifest', 'config', 'layer'])
  for (const [name, [says, lie]] of Object.entries(LIES)) {
    const folder = mkdtempSync(join(tmpdir(), 'marquee-layout-'))
    t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
    cpSync(good, folder, { recursive: true })
    lie(folder, names)
    await t.rejects(readImageLayout(folder), { message: says }, name)
  }
})
