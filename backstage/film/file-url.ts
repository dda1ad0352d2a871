// A path as ffmpeg's tools take it whatever it begins with: `-x.mp4` is no option then, and `concat:x` no protocol. Pure.

export function fileUrl (path: string): string {
  return `file:${path}`
}
