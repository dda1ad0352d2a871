// A build that is killed at one point after another goes on where it was: what was sealed stays, what was chosen stays, and what comes out plays to
// the last frame. The real command with the real ffmpeg, which is only held where it is to be killed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { basename, join } from 'node:path'
import t from 'tap'
import { readBuild, readKeys } from '../../../backstage/film/film-build.ts'
import { freshFolder } from '../../../backstage/film/work.ts'
import { Signer } from '../../support/keys.ts'
import { runCommand, startCommand } from '../../support/command.ts'
import { makeSource } from '../../support/film-build.ts'
import { decodeAll, serveBuild } from '../../support/film-playing.ts'
import { holdFfmpeg } from '../../support/held-ffmpeg.ts'
import { requirePart } from '../../support/parts.ts'
import type { JournalFacts } from '../../../backstage/film/journal.ts'

t.test('an ffmpeg that a killed run left behind goes on writing while its folder is removed, and ends by that', async t => {
  const folder = t.testdir({ work: { '90p.run-00': {} } })
  const orphan = spawn('sh', ['-c', 'i=0; while : > "$0/$((i += 1))"; do :; done', join(folder, 'work', '90p.run-00')], { stdio: 'ignore' })
  const over = once(orphan, 'close')
  t.teardown(() => { orphan.kill('SIGKILL') })
  while (readdirSync(join(folder, 'work', '90p.run-00')).length < 500) await sleep(5)
  const fresh = await freshFolder(folder, '90p')
  t.strictSame(readdirSync(join(folder, 'work')), [basename(fresh)])
  await over
})

const ffmpeg = requirePart(t, 'ffmpeg')
if (ffmpeg !== null) tests(ffmpeg)

/** The segments that a journal of the unfinished build names. */
function sealed (folder: string, rendition: string): JournalFacts['segments'] {
  const path = join(folder, 'work', `${rendition}.journal`)
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line) as { segment?: JournalFacts['segments'][number] }).flatMap(({ segment }) => segment ?? [])
}

function tests (ffmpeg: string): void {
  t.test('killed with SIGKILL while it begins, within a sound track, within each picture, and at its end', async t => {
    const home = t.testdir({})
    const { path, frames } = await makeSource(ffmpeg, home, { seconds: 32, height: 180, audios: ['en'], name: 'film.mp4' })
    const held = holdFfmpeg(t, ffmpeg, path)
    const env = { PATH: held.path }
    const folder = join(home, 'build')
    const args = ['film', 'build', path, '--out', folder, '--pubkey', new Signer().pubkey, '--title', 'Killed', '--renditions', '180p,90p', '--preset', 'ultrafast']

    const keysThen = (): string | null => existsSync(join(folder, 'keys.json')) ? readFileSync(join(folder, 'keys.json'), 'utf8') : null
    // where it is held, and the share of the film that it sees there: it comes no further before it is killed
    const points: [string, () => boolean, held: string, share: number][] = [
      ['the keys are made', () => keysThen() !== null, 'audio-en', 0.1],
      ['some sound is sealed', () => sealed(folder, 'audio-en').length >= 2, 'audio-en', 0.6],
      ['the first picture begins', () => readdirSync(join(folder, 'work')).some((name) => name.startsWith('180p.run-')), '180p', 0.1],
      ['some of it is sealed', () => sealed(folder, '180p').length >= 1, '180p', 0.35],
      ['more of it is sealed', () => sealed(folder, '180p').length >= 3, '180p', 0.85],
      ['some of the second is sealed', () => sealed(folder, '90p').length >= 2, '90p', 0.6]
    ]
    const kept = new Map<string, string[]>()
    let keys: string | null = null
    let killed = 0
    for (const [point, reached, where, share] of points) {
      held.hold(where, share)
      const child = startCommand(t, args, env)
      let over = false
      void child.ended.then(() => { over = true })
      while (!over && !reached()) await sleep(20)
      child.kill('SIGKILL')
      const { signal } = await child.ended
      if (signal === 'SIGKILL') killed++
      held.release()
      t.notOk(existsSync(join(folder, 'film.json')), `${point}: no film yet`)
      if (keys !== null) t.equal(keysThen(), keys, `${point}: the keys are those that were made first`)
      keys = keysThen()
      for (const rendition of ['180p', '90p']) {
        const now = sealed(folder, rendition).map(({ sha256 }) => sha256)
        t.strictSame(now.slice(0, kept.get(rendition)?.length ?? 0), kept.get(rendition) ?? [], `${point}: what was sealed of ${rendition} is still what counts`)
        kept.set(rendition, now)
      }
    }
    t.equal(killed, points.length)
    t.ok(kept.get('180p')!.length === 6 && kept.get('90p')!.length >= 2)

    const { code, err } = await runCommand(t, args, env)
    t.equal(code, 0, err)
    const film = await readBuild(folder)
    const built = { folder, film, keys: await readKeys(folder) }
    t.equal(readFileSync(join(folder, 'keys.json'), 'utf8'), keys)
    for (const rendition of ['180p', '90p']) {
      const segments = film.files.filter((file) => file.role === 'segment' && file.rendition === rendition).map(({ sha256 }) => sha256)
      t.strictSame(segments.slice(0, kept.get(rendition)!.length), kept.get(rendition))
      t.equal(segments.length, 6)
    }
    t.notOk(existsSync(join(folder, 'work')), 'no scratch is left')
    t.strictSame(readdirSync(join(folder, 'blobs')).sort(), film.files.map(({ name }) => name).sort())
    const stand = await serveBuild(t, built)
    for (const rendition of ['180p', '90p']) t.strictSame((await decodeAll(stand.playlist(rendition))).frames, [frames], `${rendition} has every frame, once`)
    t.strictSame((await decodeAll(stand.playlist('180p'))).words, '')

    t.test('a finished build asked for again is what it was, but for its text', async t => {
      const again = await runCommand(t, args.map((arg) => arg === 'Killed' ? 'Revived' : arg), env)
      t.equal(again.code, 0, again.err)
      const retold = await readBuild(folder)
      t.equal(retold.text.title, 'Revived')
      t.ok(retold.event.tags.some(([name, value]) => name === 'title' && value === 'Revived'))
      t.strictSame({ ...retold, text: film.text, event: film.event }, film)
    })

    t.test('other options into the same folder are refused, and it stays as it was', async t => {
      const other = await runCommand(t, args.map((arg) => arg === '180p,90p' ? '180p' : arg), env)
      t.equal(other.code, 1)
      t.match(other.err, /the folder holds another build/)
      t.strictSame((await readBuild(folder)).files, film.files)
    })
  })
}
