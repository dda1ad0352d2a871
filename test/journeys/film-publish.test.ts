// The main job of backstage: a film file becomes a title that is played: `marquee film publish FILE` to two servers, a real nostr-rs-relay, and a remote signer
// that has the key; killed while it encodes and while it uploads, and run again.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBunker } from '../support/bunker.ts'
import { startCommand } from '../support/command.ts'
import { creator, runFilm, startCounted } from '../support/creator.ts'
import { makeSource, makeSubtitles } from '../support/film-build.ts'
import { newFolder } from '../support/folder.ts'
import { holdFfmpeg } from '../support/held-ffmpeg.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { requirePart } from '../support/parts.ts'
import { startSecondRelay } from '../support/second-relay.ts'

t.test('a film file becomes a title at two servers and a relay, through two kills, and is found good to the last frame', async t => {
  const ffmpeg = requirePart(t, 'ffmpeg')
  const relay = await startNostrRelay(t)
  if (ffmpeg === null || relay === null) return
  const bunker = await startBunker(t, (await startSecondRelay(t)).url)
  const [one, two] = [await startCounted(t, { env: { RELAYS: '' } }), await startCounted(t)]
  const folder = newFolder(t)
  const seconds = 8
  const { path, frames } = await makeSource(ffmpeg, folder, { seconds, height: 180, audios: ['en', 'de'], name: 'film.mp4' })
  const out = join(folder, 'out')
  const key = join(folder, 'key')
  writeFileSync(key, bunker.uri)
  const args = [
    'publish', path, '--title', 'A real film', '--summary', 'with words', '--tag', 'test', '--language', 'en', '--renditions', '180p,90p', '--preset', 'ultrafast', '--out', out,
    '--subtitles', `en=${await makeSubtitles(folder, 'en', seconds)}`, '--server', one.url, '--server', two.url, '--mirror', '--relay', relay.url, '--key', key
  ]
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder }

  const held = holdFfmpeg(t, ffmpeg, path)
  held.hold('180p', 0.5)
  const first = startCommand(t, ['film', ...args], { ...env, PATH: held.path })
  const built = setInterval(() => { if (existsSync(join(out, 'work'))) first.kill('SIGKILL') }, 20)
  t.equal((await first.ended).signal, 'SIGKILL', 'killed in the build')
  clearInterval(built)
  held.release()
  t.same([...one.stored(), ...two.stored()], [])

  const second = startCommand(t, ['film', ...args], env)
  one.onRequest = () => { if (one.stored().size >= 5) second.kill('SIGKILL') }
  t.equal((await second.ended).signal, 'SIGKILL', 'killed in the upload')
  one.onRequest = () => {}
  const filmJson = readFileSync(join(out, 'film.json'))

  const third = await runFilm(args, env)
  t.equal(third.code, 0, third.err.join('\n'))
  t.match(third.out.join('\n'), /A real film\n {2}naddr1/)
  t.same(readFileSync(join(out, 'film.json')), filmJson, 'what was built stays')
  t.same([...one.stored().values()].filter((times) => times !== 1), [], 'no blob is stored twice')
  t.equal(two.stored().size, 0, 'the other fetched')
  const signed = bunker.asked.filter((method) => method === 'sign_event').length
  t.ok(signed < 40, `${signed} signatures in three runs`)

  const check = await runFilm(['check', out, '--deep', '--json', '--key', key], { HOME: folder })
  const facts = check.out.map((line) => JSON.parse(line) as Record<string, unknown>).filter((fact) => 'check' in fact)
  t.equal(check.code, 0, check.out.concat(check.err).join('\n'))
  for (const rendition of ['180p', '90p']) {
    const told = facts.filter((fact) => fact['check'] === `decodes ${rendition}`)
    t.match(told, [{ good: true, words: `, ${frames} frames` }, { good: true }], `every frame of ${rendition}, from both servers`)
  }
  for (const audio of ['audio-en', 'audio-de']) t.match(facts.find((fact) => fact['check'] === `decodes ${audio}`), { good: true })
  t.ok(facts.some((fact) => fact['check'] === `title at ${relay.url}` && fact['good'] === true))
})

t.test('what cannot become a film is told before any server is asked to take anything', async t => {
  const ffmpeg = requirePart(t, 'ffmpeg')
  if (ffmpeg === null) return
  const me = creator(t)
  const server = await startCounted(t)
  const folder = newFolder(t)
  const at = ['--title', 'x', '--server', server.url]
  writeFileSync(join(folder, 'text.mp4'), 'this is no film'.repeat(100))
  const { path } = await makeSource(ffmpeg, folder, { seconds: 1, height: 90, audios: [] })
  const told = async (...args: string[]): Promise<[number, string]> => {
    const { code, err } = await me.film('publish', ...args)
    return [code, err.join('\n')]
  }
  t.match(await told(join(folder, 'text.mp4'), ...at), [1, /not a film/])
  t.match(await told(join(folder, 'absent.mp4'), ...at), [1, /cannot be read/])
  t.match(await told(path, '--server', server.url), [2, /--title is missing/])
  t.match(await told(path, ...at, '--renditions', 'huge'), [2, /./])
  const noTools = await runFilm(['publish', path, ...at, '--key', me.key], { PATH: folder })
  t.match([noTools.code, noTools.err.join()], [1, /ffmpeg and ffprobe are needed/])
  const picky = await startCounted(t, { file: { types: ['video/mp2t', 'application/*'] } })
  t.match(await told(path, '--title', 'x', '--server', picky.url), [1, /would not take the film: 415/], 'no pictures there, so no poster')
  const plan = await me.film('publish', path, ...at, '--plan')
  t.match([plan.code, plan.err.join('\n')], [0, /90p/])
  t.notOk(existsSync(`${path}.marquee/film.json`))
  t.match(await me.film('check', path), { code: 2, err: [/neither an address nor a folder/] })
  t.same(server.requests.filter(({ method }) => method === 'PUT'), [])
})
