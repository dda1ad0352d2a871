// Where a run that was broken off goes on: the picture from there is the very picture that one run would have made, frame by frame and at the same
// times, in TS and in fMP4, at a rate whose segments are no whole seconds, with B-frames, and behind a sound codec's delay.

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { videoArgs } from '../../../backstage/film/encode-args.ts'
import { planOf } from '../../../backstage/film/plan.ts'
import { probeSource } from '../../../backstage/film/source.ts'
import { requirePart } from '../../support/parts.ts'

const run = promisify(execFile)
const SECONDS = 14
/** dB between two encodes of one frame; neighbouring frames of this picture have some 25, these 34 and more. */
const SAME_PICTURE = 30

const ffmpeg = requirePart(t, 'ffmpeg')
if (ffmpeg !== null) tests(ffmpeg)

async function framesOf (path: string): Promise<number[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'frame=pts_time', '-of', 'csv=p=0', path])
  return stdout.split('\n').map((line) => parseFloat(line)).filter((seconds) => seconds > 0)
}

/** The least likeness of two films' frames, in dB. */
async function leastPsnr (a: string, b: string): Promise<number> {
  const { stdout } = await run('ffmpeg', ['-v', 'quiet', '-i', a, '-i', b, '-lavfi', '[0:v]setpts=N/25/TB[a];[1:v]setpts=N/25/TB[b];[a][b]psnr=stats_file=-', '-f', 'null', '-'])
  const values = [...stdout.matchAll(/psnr_avg:(\S+)/g)].map(([, value]) => value === 'inf' ? Infinity : Number(value))
  return Math.min(...values)
}

function tests (ffmpeg: string): void {
  for (const format of ['ts', 'fmp4'] as const) {
    t.test(`a rendition in ${format} that goes on at its second segment is that of one run`, async t => {
      const home = t.testdir({ whole: {}, rest: {} })
      const path = join(home, 'film.mkv')
      await run(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=30000/1001:duration=${SECONDS}`, '-f', 'lavfi', '-i', `sine=duration=${SECONDS}`,
        '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-pix_fmt', 'yuv420p', '-c:a', 'aac', path])
      const source = await probeSource(path, { path: process.env['PATH'] ?? '' })
      t.ok(source.video.phase > 0, 'the picture does not begin with the file')
      const [rendition] = planOf(source, { renditions: ['90p'], codec: 'h264', subtitles: [], text: { title: '', summary: '', topics: [], language: null } }, 0).videos
      const make = (folder: string, first: number): Promise<unknown> =>
        run(ffmpeg, ['-v', 'error', '-y', ...videoArgs({ source, rendition: rendition!, coding: { format, codec: 'h264', preset: 'veryfast', threads: null }, folder: join(home, folder), first })])
      await make('whole', 0)
      await make('rest', 1)
      const names = readdirSync(join(home, 'whole')).filter((name) => /^\d+\.(ts|m4s)$/.test(name)).sort()
      t.equal(names.length, 3)
      t.strictSame(readdirSync(join(home, 'rest')).filter((name) => /^\d+\.(ts|m4s)$/.test(name)).sort(), names.slice(1))
      const init = format === 'fmp4' ? [join(home, 'whole', 'init.mp4')] : []
      if (format === 'fmp4') t.same(readFileSync(join(home, 'rest', 'init.mp4')), readFileSync(init[0]!), 'both have one init segment')
      const joined = (name: string, folderOf: (at: number) => string): string => {
        const whole = join(home, name)
        writeFileSync(whole, Buffer.concat([...init, ...names.map((each, at) => join(home, folderOf(at), each))].map((file) => readFileSync(file))))
        return whole
      }
      mkdirSync(join(home, 'played'))
      const once = joined(`played/once.${format}`, () => 'whole')
      const twice = joined(`played/twice.${format}`, (at) => at === 0 ? 'whole' : 'rest')
      const [one, two] = [await framesOf(once), await framesOf(twice)]
      t.equal(two.length, Math.round(SECONDS * 30000 / 1001))
      t.ok(one.every((seconds, at) => Math.abs(seconds - two[at]!) < 0.001), 'every frame has its time')
      t.ok(await leastPsnr(once, twice) > SAME_PICTURE, 'and its picture')
    })
  }
}
