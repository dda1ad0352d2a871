// What can be wrong with what a creator asks for, told in words that say what to do. Every one is found before any work where that can be. Pure.

export const FILM_FAULTS = {
  NO_FFMPEG: 'ffmpeg and ffprobe are needed, and are not on PATH',
  UNREADABLE: 'the file cannot be read',
  NOT_A_FILM: 'this is not a film',
  NO_VIDEO: 'there is no video stream in it',
  NO_LENGTH: 'its length cannot be told',
  NO_SPACE: 'the disk has too little room',
  OPTION_WRONG: 'an option is off',
  SUBTITLES_BAD: 'the subtitles cannot be read',
  POSTER_BAD: 'the poster is no picture',
  TRAILER_BAD: 'the trailer is no video',
  ENCODER_MISSING: 'this ffmpeg cannot encode so',
  OTHER_BUILD: 'the folder holds another build',
  IN_USE: 'another program builds into this folder',
  NO_BUILD: 'there is no finished build in the folder',
  BUILD_DAMAGED: 'the build in the folder is damaged',
  FFMPEG_FAILED: 'ffmpeg gave up',
  STOPPED: 'stopped; run it again and it goes on where it was'
} as const

export type FilmFaultCode = keyof typeof FILM_FAULTS

export class FilmFault extends Error {
  readonly code: FilmFaultCode

  /** `detail` says which file, which option, how much. */
  constructor (code: FilmFaultCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? FILM_FAULTS[code] : `${FILM_FAULTS[code]}: ${detail}`, options)
    this.code = code
  }
}
