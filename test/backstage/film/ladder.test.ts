// Renditions by the size of the film, frames by its rate: pure.

import t from 'tap'
import { framesASegment, phaseOf, rateOf, startOf } from '../../../backstage/film/frame-rate.ts'
import { DEFAULT_RUNGS, ladderOf } from '../../../backstage/film/ladder.ts'
import { languageName, languageOf } from '../../../backstage/film/languages.ts'

const source = (width: number, height: number, more: object = {}): Parameters<typeof ladderOf>[0] => ({ width, height, rate: { num: 25, den: 1 }, codec: 'h264', bitrate: null, ...more })
const sizes = (width: number, height: number, asked: readonly string[] = DEFAULT_RUNGS): string[] =>
  ladderOf(source(width, height), asked, 'h264').map((rung) => `${rung.name} ${rung.width}x${rung.height}`)

t.test('no rendition is larger than the film; one that is smaller than every rung is made as it is', t => {
  t.strictSame(sizes(1920, 1080), ['1080p 1920x1080', '720p 1280x720', '480p 854x480'])
  t.strictSame(sizes(3840, 2160), ['1080p 1920x1080', '720p 1280x720', '480p 854x480'])
  t.strictSame(sizes(1280, 720), ['720p 1280x720', '480p 854x480'])
  t.strictSame(sizes(640, 360), ['360p 640x360'])
  t.strictSame(sizes(1600, 900), ['900p 1600x900', '720p 1280x720', '480p 854x480'], 'its own size on top')
  t.strictSame(sizes(864, 486), ['486p 864x486'], 'two that are nearly one are one')
  for (const [width, height] of [[320, 180], [1920, 800], [720, 576], [1080, 1920], [4096, 1716], [641, 481], [500, 500]] as const) {
    const rungs = ladderOf(source(width, height), ['2160p', '1080p', '720p', '480p', '240p'], 'h264')
    t.ok(rungs.length > 0 && rungs.every((rung) => rung.width <= width && rung.height <= height && rung.width % 2 === 0 && rung.height % 2 === 0), `${width}x${height}`)
    t.strictSame(rungs.map((rung) => rung.height), rungs.map((rung) => rung.height).sort((a, b) => b - a))
    t.equal(new Set(rungs.map(({ name }) => name)).size, rungs.length)
    for (const rung of rungs) t.ok(Math.abs(rung.width / rung.height / (width / height) - 1) < 0.02, 'its shape is that of the film')
  }
  t.end()
})

t.test('a wide film fills its rung across, a portrait one upright', t => {
  t.strictSame(sizes(1920, 800), ['1080p 1920x800', '720p 1280x534', '480p 854x356'])
  t.strictSame(sizes(1080, 1920), ['1080p 1080x1920', '720p 720x1280', '480p 480x854'])
  t.strictSame(sizes(1440, 1080, ['1080p', '480p']), ['1080p 1440x1080', '480p 640x480'])
  t.end()
})

t.test('bits grow with the picture and its rate, less for better codecs, and never far over those of the source', t => {
  const bits = (more: object, codec: 'h264' | 'hevc' | 'av1' = 'h264'): number[] => ladderOf(source(1920, 1080, more), DEFAULT_RUNGS, codec).map(({ bitrate }) => bitrate)
  const [full, middle, low] = bits({}) as [number, number, number]
  t.equal(full, 5_000_000)
  t.ok(full > middle && middle > low && low > 1_000_000)
  t.ok(bits({ rate: { num: 60, den: 1 } })[0]! > full)
  t.ok(bits({}, 'hevc')[0]! < full && bits({}, 'av1')[0]! < bits({}, 'hevc')[0]!)
  t.equal(bits({ bitrate: 2_000_000 })[0], 2_400_000)
  t.ok(bits({ bitrate: 2_000_000, codec: 'hevc' })[0]! > 2_400_000, 'a source of a better codec says more with its bits')
  t.equal(bits({ bitrate: 50_000_000 })[0], full)
  t.end()
})

t.test('a segment has at least 6 s and no more than a frame beyond, the same number of frames at any rate', t => {
  for (const rate of [{ num: 24000, den: 1001 }, { num: 24, den: 1 }, { num: 25, den: 1 }, { num: 30000, den: 1001 }, { num: 60, den: 1 }, { num: 1234567, den: 41234 }, { num: 1, den: 2 }]) {
    const seconds = framesASegment(rate) * rate.den / rate.num
    t.ok(seconds >= 6 - 1e-9 && seconds < 6 + rate.den / rate.num + 1e-9, JSON.stringify(rate))
    t.equal(startOf(10, rate), 10 * framesASegment(rate) * rate.den / rate.num)
  }
  t.strictSame([framesASegment({ num: 25, den: 1 }), framesASegment({ num: 24000, den: 1001 })], [150, 144])
  t.end()
})

t.test('rates are those that people mean, never above 60', t => {
  t.strictSame([rateOf('25/1', '25/1'), rateOf('2997/100', '30/1'), rateOf('0/0', '24/1'), rateOf(undefined, undefined), rateOf('120/1', '120/1'), rateOf('13978/583', '24000/1001')],
    [{ num: 25, den: 1 }, { num: 30000, den: 1001 }, { num: 24, den: 1 }, { num: 25, den: 1 }, { num: 60, den: 1 }, { num: 24000, den: 1001 }])
  t.strictSame([phaseOf(0, { num: 25, den: 1 }), phaseOf(2, { num: 25, den: 1 }), phaseOf(NaN, { num: 25, den: 1 })], [0, 0, 0])
  t.ok(Math.abs(phaseOf(0.061, { num: 25, den: 1 }) - 0.021) < 1e-9)
  t.end()
})

t.test('languages of containers and people become those of HLS', t => {
  t.strictSame(['eng', 'ger', 'deu', 'fre', 'en', 'PT-br', 'und', 'no such', ''].map(languageOf), ['en', 'de', 'de', 'fr', 'en', 'pt-BR', null, null, null])
  t.equal(languageName('de'), 'German')
  t.end()
})
