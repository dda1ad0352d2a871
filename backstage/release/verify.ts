// `marquee release verify`: what a node makes of a release, check by check, against what it has seen before. What it learns is kept durably before the
// verdict is told, so that no mirror can take it back.

import { plain } from '../../server/commands/terminal.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { measure } from './measure.ts'
import { Misuse, onlyWord, releaseCommand, textIn, textsIn, wholeIn } from './misuse.ts'
import { readSet } from './set-reading.ts'
import { keepState, readState } from './state-file.ts'
import type { Intent, Verified } from '../../server/release/verify.ts'

export const verify = releaseCommand({
  help: `marquee release verify URL|FILE|DIR --root HEX… [--state FILE] [--app ID] [--channel NAME] [--installed N] [more]

Looks at a release as a node must, in order, and says of each check whether it passed. Nothing is installed. URL is an answer of /catalog/releases/latest, FILE
holds one, DIR has trust-bundle.json, latest-pointer.json and manifest.json.
  --root HEX        the pinned release root, 64 hex digits (marquee release root)
  --state FILE      what was seen before is kept here: the highest trust bundle and release, and the floor. Without it an old release cannot be told
  --app, --channel  what is asked for; without them as the URL says, else as the set says of itself
  --installed N     the sequence that runs here
  --repair          also good where the latest is installed already
  --intermediate    an earlier release than the latest, on the way to it; --rollback: by hand, down to the floor
  --file FILE       a file of the release that has arrived: is it what the manifest names?
  --json            for programs
Exit codes: 0 it may be installed, or is installed; 1 it is refused, or too old for anything new to be installed; 2 the command is off.`,
  options: {
    root: { type: 'string', multiple: true }, state: { type: 'string' }, app: { type: 'string' }, channel: { type: 'string' }, installed: { type: 'string' }, repair: { type: 'boolean' },
    intermediate: { type: 'boolean' }, rollback: { type: 'boolean' }, file: { type: 'string', multiple: true }, json: { type: 'boolean' }
  },
  words: true,
  run: async ({ values, words, terminal }) => {
    const from = onlyWord(words, 'URL or FILE')
    const roots = textsIn(values, 'root').map((root) => root.toLowerCase())
    if (roots.length === 0 || roots.some((root) => !/^[0-9a-f]{64}$/.test(root))) throw new Misuse('--root HEX must be the pinned root, 64 hex digits')
    const intents = (['repair', 'intermediate', 'rollback'] as const).filter((each) => values[each] === true)
    if (intents.length > 1) throw new Misuse('one of --repair, --intermediate and --rollback')
    const statePath = textIn(values, 'state')
    const installed = wholeIn(values, 'installed', 1)
    const state = await readState(statePath)
    const set = await readSet(from)
    const asked = from.startsWith('http') ? new URL(from).searchParams : new URLSearchParams()
    const app = textIn(values, 'app') ?? asked.get('app') ?? set.app
    const channel = textIn(values, 'channel') ?? asked.get('channel') ?? set.channel
    const artifacts = await Promise.all(textsIn(values, 'file').map(measure))
    const found = verifyRelease({
      ...set, app, channel, roots, state, now: Math.floor(Date.now() / 1000), artifacts, intent: (intents[0] ?? 'update') satisfies Intent, ...(installed === null ? {} : { installed })
    })
    if (statePath !== null) await keepState(statePath, found.newState)
    if (values['json'] === true) terminal.out(JSON.stringify({ app, channel, ...shown(found) }))
    else tell(found, `${app} ${channel}`, terminal.out)
    return found.verdict === 'install' || found.verdict === 'stay' ? 0 : 1
  }
})

function shown ({ verdict, checks, manifest, pointer, bundle }: Verified): object {
  return { verdict, version: manifest?.version ?? null, sequence: manifest?.sequence ?? null, latest: pointer?.sequence ?? null, bundle_version: bundle?.bundle_version ?? null, checks }
}

function tell ({ verdict, checks, manifest }: Verified, name: string, out: (line: string) => void): void {
  for (const { name: check, result, reason, subject } of checks) {
    out(`${result.padEnd(7)}  ${check}${subject === undefined ? '' : ` ${plain(subject).slice(0, 16)}`}${reason === undefined ? '' : `: ${plain(reason)}`}`)
  }
  const release = manifest === null ? name : `${name} ${manifest.version} (sequence ${manifest.sequence})`
  const words = { install: 'it may be installed', stay: 'it is installed', stale: 'stale: nothing new is installed, what runs runs on', refused: 'refused' }[verdict]
  out(`\n${plain(release)}: ${words}`)
}
