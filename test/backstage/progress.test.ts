// How far work is: a bar where there is a terminal, a line now and then elsewhere, objects for scripts.

import t from 'tap'
import { bytesText, clock, openProgress } from '../../backstage/progress.ts'

function listen (json: boolean, live: boolean): { time: { now: number }, lines: string[], bars: string[], progress: ReturnType<typeof openProgress> } {
  const [time, lines, bars] = [{ now: 1000 }, [] as string[], [] as string[]]
  const say = (line: string): void => { lines.push(line) }
  return { time, lines, bars, progress: openProgress({ out: say, err: say, progress: live ? (line) => { bars.push(line) } : null }, { json, now: () => time.now }) }
}

t.test('on a terminal one bar moves, with rate and time left, and a line stays when the stage is over', t => {
  const { time, lines, bars, progress } = listen(false, true)
  const stage = progress.stage('upload', { total: 100 * 1024 ** 2, unit: 'bytes', before: 50 * 1024 ** 2 })
  time.now += 5000
  stage.at(60 * 1024 ** 2)
  time.now += 50
  stage.at(61 * 1024 ** 2)
  t.strictSame(bars, ['upload             [##############..........]  60 %  60.0 MiB of 100 MiB  2.0 MiB/s  20 s left'], 'what was there before is no part of the rate; ten a second are enough')
  time.now += 4950
  stage.at(100 * 1024 ** 2)
  stage.end()
  t.strictSame(lines, ['upload             100 MiB in 10 s, 5.0 MiB/s'])
  t.end()
})

t.test('elsewhere a line is due every five seconds, and one at the end', t => {
  const { time, lines, bars, progress } = listen(false, false)
  const stage = progress.stage('encode 1080p', { total: 6000, unit: 'seconds' })
  for (let at = 0; at < 30; at++) {
    time.now += 400
    stage.at((at + 1) * 3)
  }
  stage.end()
  t.strictSame(lines, [
    'encode 1080p       [........................]   0 %  39 s of 1:40:00  7.50x  13:15 left', 'encode 1080p       [........................]   1 %  1:18 of 1:40:00  7.50x  13:10 left', 'encode 1080p       1:30 in 12 s, 7.50x'
  ])
  t.strictSame(bars, [])
  t.end()
})

t.test('with json every line is an object, the last of a stage says so', t => {
  const { time, lines, progress } = listen(true, true)
  const stage = progress.stage('publish', { total: null, unit: 'blobs' })
  time.now += 2000
  stage.at(4)
  stage.at(4, 8)
  time.now += 2000
  stage.at(6, 8)
  stage.end()
  progress.note('that is all')
  progress.tell({ built: { blobs: 6 } })
  t.strictSame(lines.map((line) => JSON.parse(line) as unknown), [
    { stage: 'publish', done: 4, total: null, unit: 'blobs', rate: 2, left_s: null }, { stage: 'publish', done: 6, total: 8, unit: 'blobs', rate: 1.5, left_s: 1 },
    { stage: 'publish', ended: true, done: 6, unit: 'blobs', took_s: 4 }, { note: 'that is all' }, { built: { blobs: 6 } }
  ])
  t.end()
})

t.test('sizes and times for people', t => {
  t.strictSame([0, 1023, 1024, 10_485_760, 3e12].map(bytesText), ['0 B', '1023 B', '1.0 KiB', '10.0 MiB', '2.7 TiB'])
  t.strictSame([0.4, 59.6, 3723].map(clock), ['0 s', '1:00', '1:02:03'])
  t.end()
})
