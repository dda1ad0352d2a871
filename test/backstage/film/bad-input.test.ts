// What is wrong is told before any work, each in its own words, and nothing is written.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { requestOf } from '../../../backstage/film/build-request.ts'
import { holdFolder } from '../../../backstage/film/folder-hold.ts'
import { prepareBuild } from '../../../backstage/film/prepare.ts'
import { runBuild } from '../../../backstage/film/build.ts'
import { openProgress } from '../../../backstage/progress.ts'
import { Signer } from '../../support/keys.ts'
import { runCommand } from '../../support/command.ts'
import { makeSource } from '../../support/film-build.ts'
import { requirePart } from '../../support/parts.ts'
import type { PrepareParts, PreparedBuild } from '../../../backstage/film/prepare.ts'

const run = promisify(execFile)
const PATH = process.env['PATH'] ?? ''
const pubkey = new Signer().pubkey

t.test('options that are off are told by name', t => {
  const bad: [string[], Record<string, string | string[]>, RegExp][] = [
    [[], {}, /which film file/], [['a', 'b'], {}, /one film file/], [['a'], { title: ' ' }, /--title/], [['a'], { language: 'no such' }, /--language/], [['a'], { format: 'mkv' }, /--format/],
    [['a'], { codec: 'vp9' }, /--codec/], [['a'], { codec: 'hevc', format: 'ts' }, /hevc needs --format fmp4/], [['a'], { preset: 'quick' }, /--preset/], [['a'], { threads: '0' }, /--threads/],
    [['a'], { subtitles: ['film.srt'] }, /--subtitles/], [['a'], { subtitles: ['xx-no-such-thing=film.srt'] }, /--subtitles/], [['a'], { id: '' }, /--id/]
  ]
  for (const [words, values, message] of bad) {
    t.throws(() => requestOf(words, { title: 'T', ...values }, { folder: 'x', pubkey }), { code: 'OPTION_WRONG', message }, JSON.stringify(values))
  }
  t.throws(() => requestOf(['a'], { title: 'T' }, { folder: 'x', pubkey: 'npub1nobody' }), { code: 'OPTION_WRONG' })
  t.end()
})

const ffmpeg = requirePart(t, 'ffmpeg')
if (ffmpeg !== null) tests(ffmpeg)

function tests (ffmpeg: string): void {
  t.test('files that are no film, tools that are missing, a disk that is full, a folder that is another’s', async t => {
    const home = t.testdir({ 'text.mp4': 'no film at all', 'empty.mkv': '', folder: {}, 'bad.srt': 'no cue', 'latin.srt': Buffer.from('1\n00:00:01,000 --> 00:00:02,000\nf\xfcr\n', 'latin1') })
    const film = (await makeSource(ffmpeg, home, { seconds: 1, height: 90, audios: ['en'] })).path
    const at = (name: string): string => join(home, name)
    const make = (...args: string[]): Promise<unknown> => run(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args])
    await make('-f', 'lavfi', '-i', 'sine=duration=1', at('sound.m4a'))
    await make('-i', film, '-frames:v', '1', at('picture.png'))
    await make('-i', at('sound.m4a'), '-i', at('picture.png'), '-map', '0', '-map', '1', '-c', 'copy', '-disposition:v', 'attached_pic', at('cover.m4a'))
    const folder = at('build')
    const prepare = (source: string, values: Record<string, string | string[]> = {}, parts: Partial<PrepareParts> = {}): Promise<PreparedBuild> =>
      prepareBuild(requestOf([source], { title: 'T', preset: 'ultrafast', ...values }, { folder, pubkey }), { path: PATH, ...parts })

    const bad: [string, () => Promise<unknown>, string, RegExp][] = [
      ['no such file', () => prepare(at('nothing.mp4')), 'UNREADABLE', /nothing\.mp4 \(ENOENT\)/],
      ['a folder', () => prepare(at('folder')), 'UNREADABLE', /is no file/],
      ['text', () => prepare(at('text.mp4')), 'NOT_A_FILM', /text\.mp4/],
      ['an empty file', () => prepare(at('empty.mkv')), 'NOT_A_FILM', /empty\.mkv/],
      ['a picture', () => prepare(at('picture.png')), 'NOT_A_FILM', /is a picture/],
      ['sound alone', () => prepare(at('sound.m4a')), 'NO_VIDEO', /sound\.m4a/],
      ['music with a cover', () => prepare(at('cover.m4a')), 'NO_VIDEO', /cover\.m4a/],
      ['no ffmpeg', () => prepare(film, {}, { path: at('folder') }), 'NO_FFMPEG', /ffmpeg/],
      ['a full disk', () => prepare(film, {}, { free: () => Promise.resolve(1_000_000) }), 'NO_SPACE', /needs some .* MiB more, .* has 977 KiB/],
      ['a poster that is none', () => prepare(film, { poster: at('text.mp4') }), 'POSTER_BAD', /text\.mp4/],
      ['a film as poster', () => prepare(film, { poster: film }), 'POSTER_BAD', /film\.mkv/],
      ['a trailer that is none', () => prepare(film, { trailer: at('sound.m4a') }), 'TRAILER_BAD', /sound\.m4a/],
      ['subtitles that are none', () => prepare(film, { subtitles: [`en=${at('bad.srt')}`] }), 'SUBTITLES_BAD', /bad\.srt/],
      ['subtitles that are not UTF-8', () => prepare(film, { subtitles: [`de=${at('latin.srt')}`] }), 'SUBTITLES_BAD', /latin\.srt/],
      ['a rung that is none', () => prepare(film, { renditions: '1080p,huge' }), 'OPTION_WRONG', /"huge" is no rendition/]
    ]
    for (const [what, attempt, code, message] of bad) await t.rejects(attempt(), { code, message }, what)
    t.notOk(existsSync(folder), 'nothing is written')

    mkdirSync(folder)
    writeFileSync(join(folder, 'letters.txt'), 'dear')
    await t.rejects(prepare(film), { code: 'OTHER_BUILD', message: /is not empty/ })
    t.strictSame(readdirSync(folder), ['letters.txt'])
  })

  t.test('two programs do not build into one folder', { skip: process.platform !== 'linux' && 'the hold is Linux’s' }, async t => {
    const home = t.testdir({ build: {} })
    const { path } = await makeSource(ffmpeg, home, { seconds: 1, height: 90, audios: [] })
    const prepared = await prepareBuild(requestOf([path], { title: 'T', preset: 'ultrafast' }, { folder: join(home, 'build'), pubkey }), { path: PATH })
    const progress = openProgress({ out: () => {}, err: () => {}, progress: null }, { json: false })
    const release = await holdFolder(join(home, 'build'))
    await t.rejects(runBuild(prepared, { path: PATH, progress }), { code: 'IN_USE' })
    release()
    t.match(await runBuild(prepared, { path: PATH, progress }), { encrypted: true, files: [{ role: 'segment', rendition: '90p' }] }, 'a silent film is one too')
  })

  t.test('the command says it in one line and exits with 1, with 2 where it is itself off; --plan tells and makes nothing', async t => {
    const home = t.testdir({ 'text.mp4': 'no film at all' })
    const { path } = await makeSource(ffmpeg, home, { seconds: 1, height: 90, audios: ['deu'] })
    const args = (film: string): string[] => ['film', 'build', film, '--out', join(home, 'build'), '--pubkey', pubkey, '--title', 'T']
    const env = { PATH }
    t.match(await runCommand(t, args(join(home, 'text.mp4')), env), { code: 1, out: '', err: /^film build: this is not a film: .*text\.mp4\n$/ })
    t.match(await runCommand(t, ['film', 'build', path, '--out', join(home, 'build'), '--title', 'T'], env), { code: 2, err: /--pubkey is missing/ })
    const told = await runCommand(t, [...args(path), '--plan'], env)
    t.match(told, { code: 0, err: /video +90p +160x90 h264, .*\naudio +audio-de +German\nmakes .* encrypted, some .* are free\n/ })
    const { code, out } = await runCommand(t, [...args(path), '--plan', '--json'], env)
    t.equal(code, 0)
    t.match(JSON.parse(out), { plan: { videos: [{ name: '90p', width: 160 }], audios: [{ name: 'audio-de' }], seconds: null, done: 0 } })
    t.notOk(existsSync(join(home, 'build')))
  })
}
