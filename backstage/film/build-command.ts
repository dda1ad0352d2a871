// `marquee film build`: a film file becomes a folder that is ready to be published.

import { bytesText, openProgress } from '../progress.ts'
import { runBuild } from './build.ts'
import { BUILD_OPTIONS, BUILD_OPTIONS_HELP, requestOf } from './build-request.ts'
import { FilmFault } from './faults.ts'
import { prepareBuild } from './prepare.ts'
import type { StandaloneCommand, Terminal } from '../../server/commands/terminal.ts'

export const build: StandaloneCommand = {
  standalone: true,
  help: `marquee film build FILE --out FOLDER --pubkey NPUB --title TEXT [options]

Encodes a film for players everywhere, encrypts it, names every file by its hash, and leaves a folder that is ready to be published:
film.json, blobs/, and keys.json, which is for you alone. Says what it will make before it begins. Broken off, it goes on where it was
when the same is asked again. Needs ffmpeg and ffprobe.
  --out FOLDER          of the build
  --pubkey NPUB         whose film it is
${BUILD_OPTIONS_HELP}
  --plan                says what it would make, and makes nothing
  --json                an object a line, for scripts`,
  options: { ...BUILD_OPTIONS, out: { type: 'string' }, pubkey: { type: 'string' }, plan: { type: 'boolean' }, json: { type: 'boolean' } },
  words: true,
  run: async ({ values, words, terminal }) => {
    const { out, pubkey } = values
    try {
      if (typeof out !== 'string') throw new FilmFault('OPTION_WRONG', '--out is missing')
      if (typeof pubkey !== 'string') throw new FilmFault('OPTION_WRONG', '--pubkey is missing')
      const path = terminal.env['PATH'] ?? ''
      const prepared = await prepareBuild(requestOf(words, values, { folder: out, pubkey }), { path })
      const progress = openProgress(terminal, { json: values['json'] === true })
      if (values['json'] === true) progress.tell({ plan: { ...prepared.plan, ...prepared.expected } })
      else for (const line of prepared.lines) terminal.err(line)
      if (values['plan'] === true) return 0
      const film = await runBuild(prepared, { progress, path, signal: stopping(terminal) })
      const bytes = film.files.reduce((sum, { size }) => sum + size, 0)
      if (values['json'] === true) progress.tell({ built: { folder: prepared.request.folder, d: film.d, pubkey: film.pubkey, blobs: film.files.length, bytes, master: film.master.sha256 } })
      else terminal.out(`built: ${prepared.request.folder}, ${film.files.length} blobs of ${bytesText(bytes)}, id ${film.d}`)
      return 0
    } catch (error) {
      if (!(error instanceof FilmFault)) throw error
      terminal.err(`film build: ${error.message}`)
      return error.code === 'OPTION_WRONG' ? 2 : 1
    }
  }
}

/** Aborted when the program is asked to stop. */
export function stopping (terminal: Pick<Terminal, 'onStop'>): AbortSignal {
  const controller = new AbortController()
  terminal.onStop(() => { controller.abort() })
  return controller.signal
}
