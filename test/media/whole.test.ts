// A file that is shorter than its container says is known for it, at every byte.

import t from 'tap'
import { isWholeGif, matroskaLength } from '../../server/media/whole.ts'
import { SCENE, animation, ffmpegMakes } from '../support/media.ts'

t.test('a GIF is whole up to its trailer, and at no byte before it', async t => {
  const gif = await animation(3, 20)
  t.ok(isWholeGif(gif))
  t.ok(isWholeGif(Buffer.concat([gif, Buffer.from('more')])), 'what follows is no matter')
  for (let length = 0; length < gif.length; length++) if (isWholeGif(gif.subarray(0, length))) t.fail(`${length} of ${gif.length}`)
})

t.test('Matroska and WebM say how long they are, unless they were recorded live', async t => {
  const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-an']
  for (const extension of ['webm', 'mkv']) {
    const bytes = await ffmpegMakes(extension, [...SCENE, ...vp8])
    t.equal(matroskaLength(bytes.subarray(0, 4100)), bytes.length, extension)
    for (let length = 0; length < 48; length++) t.ok([null, bytes.length].includes(matroskaLength(bytes.subarray(0, length))))
  }
  t.equal(matroskaLength((await ffmpegMakes('webm', [...SCENE, ...vp8, '-live', '1'])).subarray(0, 4100)), null)
  t.equal(matroskaLength(Buffer.alloc(100, 0xff)), null)
})
