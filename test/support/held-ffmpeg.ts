// An ffmpeg that comes as far into the film as a test lets it, and there waits: so that a build can be killed at a point of our choice, however slow or
// quick the machine is. The real ffmpeg, which is given a file that has only its beginning yet, and waits for more (-follow).

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { newFolder } from './folder.ts'
import type { Test } from 'tap'

export interface HeldFfmpeg {
  /** The PATH where it is ffmpeg. */
  path: string
  /** Runs that write `rendition` see this share of the film's bytes (0 to 1) from now on; other renditions are made as ever. */
  hold: (rendition: string, share: number) => void
  /** Nothing is held any more, and what waited is killed: nobody else ends it. */
  release: () => void
}

/** Holds the `ffmpeg` at this path, of builds whose film is `film`: an MP4 with its index at its beginning, or it could not seek in a part of it. */
export function holdFfmpeg (t: Test, ffmpeg: string, film: string): HeldFfmpeg {
  const home = newFolder(t)
  const [bin, part, pids, program] = [join(home, 'bin'), join(home, 'part'), join(home, 'pids'), join(home, 'bin', 'ffmpeg')]
  mkdirSync(bin)
  const write = (lines: readonly string[]): void => {
    writeFileSync(program, ['#!/bin/sh', ...lines, `exec '${ffmpeg}' "$@"`, ''].join('\n'))
    chmodSync(program, 0o755)
  }
  const release = (): void => {
    write([])
    if (existsSync(pids)) for (const pid of readFileSync(pids, 'utf8').split('\n').filter((each) => each !== '')) kill(Number(pid))
    rmSync(pids, { force: true })
  }
  release()
  t.teardown(release)
  return {
    path: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    hold: (rendition, share) => {
      copyFileSync(film, part)
      truncateSync(part, Math.floor(statSync(film).size * share))
      write([
        `case "$*" in *'/${rendition}.run-'*)`,
        '  for arg do', '    shift', `    [ "$arg" = 'file:${film}' ] && arg='file:${part}'`, '    set -- "$@" "$arg"', '  done',
        `  echo $$ >> '${pids}'`,
        // while it waits it tells of no progress, upon which the build looks for what is written
        '  while kill -0 $$ 2> /dev/null; do echo progress=continue; sleep 0.2; done &',
        '  set -- -follow 1 "$@";;', 'esac'
      ])
    },
    release
  }
}

/** Another program may have its number by now. */
function kill (pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('ffmpeg')) process.kill(pid, 'SIGKILL')
  } catch {
    // it is gone
  }
}
