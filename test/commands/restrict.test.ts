// `marquee restrict`, `unrestrict` and `restricted`: the same words asked of a running server, and of the data folder when none runs.

import { npubEncode, nsecEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { upload } from '../support/app.ts'
import { runCommand, runProgram, startServing } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { freePort } from '../support/program.ts'

const [owner, one, two] = [new Signer(), new Signer(), new Signer()]
const blob = seededBlob('restricted', 30_000)
const { sha256 } = blob

t.test('restrictions made without a server hold when it starts, and those asked of a server hold at once', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  t.match(await runProgram(t, ['restricted'], env), { code: 0, out: '', err: 'nothing is restricted\n' })
  t.match(await runCommand(t, ['restrict', sha256, '--to', npubEncode(one.pubkey), '--reason', 'a draft'], env), { code: 0, out: `${sha256} restricted\n`, err: '' })
  t.match((await runCommand(t, ['restricted'], env)).out, new RegExp(`^${sha256}  20\\d\\d-\\S+Z  ${npubEncode(one.pubkey)}  a draft\n$`))
  const server = await startServing(t, env)
  t.equal((await upload(server.url, owner, blob)).status, 201)
  const statuses = async (): Promise<number[]> => Promise.all([null, one, two, owner].map(async (signer) =>
    (await fetch(`${server.url}/${sha256}`, { headers: signer === null ? {} : { authorization: signer.token('get') } })).status))
  t.strictSame(await statuses(), [401, 200, 403, 200])
  t.match(await runCommand(t, ['restrict', `${sha256}.mp4`, '--to', two.pubkey, '--to', `${npubEncode(one.pubkey)}, ${one.pubkey}`], env), { code: 0 })
  t.strictSame(await statuses(), [401, 200, 200, 200])
  t.match(JSON.parse((await runCommand(t, ['restricted', '--json'], env)).out), { sha256, to: [two.pubkey, one.pubkey], reason: '' })
  t.match(await runCommand(t, ['restrict', sha256], env), { code: 0 })
  t.match((await runCommand(t, ['restricted'], env)).out, /Z  owners\n$/)
  t.strictSame(await statuses(), [401, 403, 403, 200])
  t.match(await runCommand(t, ['unrestrict', sha256], env), { code: 0, out: `${sha256} no longer restricted\n` })
  t.strictSame(await statuses(), [200, 200, 200, 200])
})

t.test('a key that is none is exit code 2 and is not repeated, and nothing is changed', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  const nsec = nsecEncode(one.secret)
  for (const to of [nsec, 'somebody', '', `${two.pubkey},`]) {
    const { code, out, err } = await runCommand(t, ['restrict', sha256, '--to', to], env)
    t.strictSame([code, out], [2, ''])
    t.match(err, /must be a public key/)
    t.notMatch(err, nsec)
  }
  t.match(await runCommand(t, ['restrict', '--to', two.pubkey], env), { code: 2, err: /which hash/ })
  t.match(await runCommand(t, ['restricted'], env), { code: 0, out: '' })
})
