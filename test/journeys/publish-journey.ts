// The main journey of films: a creator publishes a film to two servers and a real relay, is killed five times on the way and goes on; every frame plays
// with the key and none without, in ffmpeg and in Chromium, from the origin and from a mirror that has no keys. Played short and long.

import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readBuild, readKeys } from '../../backstage/film/film-build.ts'
import { formatNaddr } from '../../server/catalog/address.ts'
import { startMarquee } from '../support/app.ts'
import { giveSigner, openChromium, visit } from '../support/chromium.ts'
import { startCommand } from '../support/command.ts'
import { creator } from '../support/creator.ts'
import { FILM_RATE, builtBlob, makeSource, makeSubtitles } from '../support/film-build.ts'
import { callKeys, getKey } from '../support/film-keys.ts'
import { decodeAll } from '../support/film-playing.ts'
import { newFolder } from '../support/folder.ts'
import { holdFfmpeg } from '../support/held-ffmpeg.ts'
import { Signer } from '../support/keys.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { requirePart } from '../support/parts.ts'
import { until, watch } from '../support/watching.ts'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'
import type { Started } from '../support/command.ts'

export interface FilmPlan {
  /** Of the film. */
  seconds: number
  /** Of the renditions, the film's own first. */
  heights: readonly number[]
  /** Seconds that Chromium plays from the start, the middle and the end. */
  watched: number
  /** `film check` fetches and decodes everything once more. */
  deep: boolean
}

/** One run of the command, as the kernel tells of it: milliseconds in all and with an ffmpeg at work, bytes that the command itself took at most. */
interface RunCost { total: number, ffmpeg: number, peak: number }

/** Runs until it ends, or until `reached`, when it is killed. */
async function watchRun (child: Started, reached: () => boolean): Promise<RunCost & { killed: boolean, code: number | null, words: string }> {
  const cost: RunCost = { total: 0, ffmpeg: 0, peak: 0 }
  let last = performance.now()
  let over = false
  void child.ended.then(() => { over = true })
  while (!over && !reached()) {
    await sleep(20)
    const now = performance.now()
    cost.total += now - last
    if (runsFfmpeg(child.pid)) cost.ffmpeg += now - last
    last = now
    cost.peak = Math.max(cost.peak, highWater(child.pid))
  }
  if (!over) child.kill('SIGKILL')
  const { code, signal, err } = await child.ended
  return { ...cost, killed: signal === 'SIGKILL', code, words: err }
}

function runsFfmpeg (pid: number): boolean {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((each) => each !== '')
    return children.some((each) => readFileSync(`/proc/${each}/comm`, 'utf8').startsWith('ffmpeg'))
  } catch {
    return false // one of them has just ended
  }
}

function highWater (pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** How many segments of a rendition the unfinished build in `folder` has sealed. */
function sealed (folder: string, rendition: string): number {
  const path = join(folder, 'work', `${rendition}.journal`)
  return existsSync(path) ? readFileSync(path, 'utf8').split('"segment"').length - 1 : 0
}

/** Uploads that a server has acknowledged. */
function stored ({ log }: Running): number {
  return log.filter(({ method, path, status }) => method === 'PUT' && path === '/upload' && (status === 200 || status === 201)).length
}

/** Every file below a folder. */
function filesBelow (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)).filter((path) => statSync(path).isFile())
}

export async function playFilm (t: Test, { seconds, heights, watched, deep }: FilmPlan): Promise<void> {
  const ffmpeg = requirePart(t, 'ffmpeg')
  const relay = await startNostrRelay(t)
  const browser = await openChromium(t)
  if (ffmpeg === null || relay === null || browser === null) return
  const env = { RELAYS: relay.url, MIRROR_ALLOW_PRIVATE: 'true' }
  const origin = await startMarquee(t, { env })
  const mirror = await startMarquee(t, { env })
  const { key, signer, film } = creator(t)
  const home = newFolder(t)
  const { path, frames } = await makeSource(ffmpeg, home, { seconds, height: heights[0]!, audios: ['en', 'de'], name: 'film.mp4' })
  const renditions = heights.map((height) => `${height}p`)
  const folder = `${path}.marquee`
  const args = [
    'film', 'publish', path, '--title', 'The long night', '--summary', 'Made up.', '--tag', 'drama', '--language', 'en', '--subtitles', `en=${await makeSubtitles(home, 'en', seconds)}`,
    '--server', origin.url, '--server', mirror.url, '--relay', relay.url, '--renditions', renditions.join(','), '--preset', 'veryfast', '--key', key, '--json'
  ]
  const perRendition = Math.ceil(seconds / 6)
  const held = holdFfmpeg(t, ffmpeg, path)
  const points: [string, () => boolean, held?: string][] = [
    ['its first picture is being sealed', () => sealed(folder, renditions[0]!) >= perRendition / 2, renditions[0]!],
    ['its second picture is', () => sealed(folder, renditions[1]!) >= perRendition / 2, renditions[1]!],
    ['uploads have begun', () => stored(origin) >= 3],
    ['the first server has half', () => stored(origin) >= 2 * perRendition],
    ['the second server has half', () => stored(mirror) >= 2 * perRendition]
  ]
  const runs: RunCost[] = []
  for (const [point, reached, where] of points) {
    if (where !== undefined) held.hold(where, 0.8)
    const run = await watchRun(startCommand(t, args, { PATH: held.path }), reached)
    held.release()
    t.ok(run.killed, `killed when ${point}: ${run.words.slice(-500)}`)
    runs.push(run)
  }
  const last = await watchRun(startCommand(t, args, { PATH: held.path }), () => false)
  t.equal(last.code, 0, last.words)
  runs.push(last)
  const sum = (of: (run: RunCost) => number): number => runs.reduce((all, run) => all + of(run), 0)
  const [total, encoding] = [sum((run) => run.total), sum((run) => run.ffmpeg)]
  t.comment(`film of ${seconds} s, ${renditions.join(' ')}: ${(total / 1000).toFixed(1)} s in six runs, ${(100 * (1 - encoding / total)).toFixed(1)} % of it without ffmpeg; peak ${Math.round(Math.max(...runs.map(({ peak }) => peak)) / 2 ** 20)} MiB`)

  const built = { folder, film: await readBuild(folder), keys: (await readKeys(folder))! }
  const title = `34235:${signer.pubkey}:${built.film.d}`
  const naddr = formatNaddr({ kind: 34235, pubkey: signer.pubkey, d: built.film.d })

  await t.test('nothing is uploaded twice, and every server has everything', async t => {
    // besides the files there is the creator's own note of the keys; an answer that a kill cut off is not counted here, and its blob is found there
    for (const server of [origin, mirror]) t.ok(stored(server) <= built.film.files.length + 1, `${stored(server)} uploads acknowledged of ${built.film.files.length} files and the keys`)
    const checked = await film('check', naddr, '--server', origin.url, ...(deep ? ['--deep'] : []))
    t.equal(checked.code, 0, [...checked.out, ...checked.err].join('\n'))
  })

  const viewer = new Signer()
  const session = async (): Promise<string> => {
    const response = await callKeys(origin.url, viewer, 'POST', '/keys/session', { title })
    return `Bearer ${(await response.json() as { token: string }).token}`
  }

  await t.test('nobody but those the creator names gets a key; the mirror has none', async t => {
    const { id } = built.keys.keys[0]!
    t.equal((await getKey(origin.url, null, id)).status, 401)
    t.equal((await getKey(origin.url, viewer, id)).status, 403)
    const granted = await film('grant', naddr, viewer.pubkey, '--server', origin.url)
    t.equal(granted.code, 0, granted.err.join('\n'))
    t.equal((await getKey(origin.url, viewer, id)).status, 200)
    t.equal((await getKey(mirror.url, viewer, id)).status, 404)
  })

  await t.test('ffmpeg decodes every frame of each rendition with the key, and none without', async t => {
    const playlist = (server: Running, rendition: string): string => `${server.url}/${built.film.files.find((file) => file.role === 'playlist' && file.rendition === rendition)!.name}`
    for (const rendition of renditions) {
      t.strictSame((await decodeAll(playlist(origin, rendition), { token: await session() })).frames, [frames], rendition)
      for (const server of [origin, mirror]) t.strictSame((await decodeAll(playlist(server, rendition), { token: false })).frames.filter((count) => count > 0), [], `${rendition} without`)
    }
    for (const rendition of ['audio-en', 'audio-de']) {
      const { types, frames: [sound] } = await decodeAll(playlist(origin, rendition), { token: await session() })
      t.strictSame(types, ['audio'])
      t.ok(Math.abs(sound! * 1024 / 48000 - seconds) < 0.2, `${sound} frames of sound`)
    }
  })

  for (const [name, server] of [['the origin', origin], ['the mirror that has no keys', mirror]] as const) {
    await t.test(`Chromium plays it from its start, its middle and to its end: ${name}`, async t => {
      const { page, context, asked, outside, complaints } = await visit(t, browser)
      await giveSigner(context, (draft) => viewer.sign(draft))
      await watch(page, `${server.url}/watch/${naddr}`, 1)
      for (const from of [0, seconds / 2, seconds - watched]) {
        await page.evaluate(`video.currentTime = ${from}`)
        await until(page, `video.currentTime >= ${Math.min(from + watched, seconds - 0.5)} || video.ended`, 1000 * (watched + 100))
      }
      await until(page, 'video.ended')
      t.strictSame([outside, complaints], [[], []])
      const blobs = asked.filter((url) => /\/[0-9a-f]{64}\.ts$/.test(url))
      t.ok(blobs.length > 0 && blobs.every((url) => url.startsWith(server.url)), `${blobs.length} segments, all from the server at hand`)
      const keys = asked.filter((url) => url.includes('/keys/'))
      t.ok(keys.length > 0 && keys.every((url) => url.startsWith(origin.url)), 'keys from the origin alone')
    })
  }

  await t.test('nothing of the mirror shows plaintext or keys', async t => {
    const secrets = [built.keys.secret, ...built.keys.keys.map((each) => each.key)].flatMap((hex) => [Buffer.from(hex), Buffer.from(hex, 'hex'), Buffer.from(Buffer.from(hex, 'hex').toString('base64'))])
    for (const path of filesBelow(mirror.dataDir)) {
      const bytes = readFileSync(path)
      t.notOk(secrets.some((secret) => bytes.includes(secret)), `no key in ${path.slice(mirror.dataDir.length)}`)
    }
    for (const { name } of built.film.files.filter(({ role }) => role === 'segment')) {
      const bytes = await builtBlob(built, name)
      t.notOk([0, 188, 376].every((at) => bytes[at] === 0x47), `${name} is no transport stream`)
    }
  })

  await t.test('a third server learns the title from the relay alone', async t => {
    const third = await startMarquee(t, { env: { ...env, TITLE_PUBKEYS: signer.pubkey } })
    const ask = (): Promise<Response> => fetch(`${third.url}/catalog/titles/${encodeURIComponent(title)}`)
    for (const end = Date.now() + 90_000; Date.now() < end && (await ask()).status !== 200;) await sleep(100)
    t.match(await (await ask()).json(), { title: 'The long night' })
  })
  t.equal(frames, seconds * FILM_RATE)
}
