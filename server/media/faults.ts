// What a child's words mean for who sent the file: damaged, unless it asked for too much memory, or our disk is full. Pure.

import { Failure, StoreError } from '../errors.ts'

const MOST = 120

/** `said`: lines of ffmpeg or libvips. The answer has the first of them, without addresses in memory. */
export function faultOf (said: string, folder: string): Error {
  if (/No space left on device/i.test(said)) return new StoreError('media', 'write', folder, Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
  if (/Cannot allocate memory|Could not allocate|get_buffer\(\) failed|out of memory/i.test(said)) return new Failure('MEDIA_COSTLY', 'memory')
  const line = said.split('\n').map((each) => each.replace(/^\[[^\]]*\] */, '').trim()).find((each) => each !== '')
  return new Failure('MEDIA_DAMAGED', line?.slice(0, MOST))
}
