// `marquee pin` and `allow`, and what undoes and lists them: asked of a running server, and done to the data folder when none runs.

import t from 'tap'
import { upload } from '../support/app.ts'
import { remove } from '../support/asking.ts'
import { runCommand, runProgram, startServing } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { freePort } from '../support/program.ts'

const owner = new Signer()
const blob = seededBlob('pinned', 30_000)
const { sha256 } = blob

t.test('a pin keeps a blob whether a server was asked or the data folder, and unpin lets it go', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  const server = await startServing(t, env)
  t.equal((await upload(server.url, owner, blob)).status, 201)
  server.kill('SIGTERM')
  await server.ended
  t.match(await runProgram(t, ['pin', sha256, '--reason', 'the opening film'], env), { code: 0, out: `${sha256} pinned\n`, err: '' })
  t.match(await runCommand(t, ['pinned'], env), { code: 0, out: /the opening film\n$/ })

  const again = await startServing(t, env)
  t.equal((await remove(again.url, owner, sha256)).status, 204)
  t.equal((await fetch(`${again.url}/${sha256}`)).status, 200, 'kept')
  t.match(await runCommand(t, ['unpin', sha256], env), { code: 0, out: `${sha256} no longer pinned\n` })
  t.equal((await fetch(`${again.url}/${sha256}`)).status, 404)
  t.match(await runCommand(t, ['pinned'], env), { code: 0, out: '', err: 'nothing is pinned\n' })
})

t.test('allow and disallow rule what a server with allowListOnly takes', async t => {
  const config = `${t.testdir({ 'config.json': '{"allowListOnly": true}' })}/config.json`
  const env = { DATA_DIR: `${config}-data`, PORT: String(await freePort()) }
  t.match(await runCommand(t, ['allow', sha256, '--config', config], env), { code: 0, out: `${sha256} allowed\n`, err: '' })
  const server = await startServing(t, env, ['--config', config])
  t.equal((await upload(server.url, owner, blob)).status, 201)
  t.equal((await upload(server.url, owner, seededBlob('other', 30_000))).status, 403)
  t.match((await runCommand(t, ['allowed', '--json', '--config', config], env)).out, sha256)
  t.match(await runCommand(t, ['disallow', sha256, '--config', config], env), { code: 0, out: `${sha256} no longer allowed\n` })
  t.equal((await fetch(`${server.url}/${sha256}`)).status, 404)
})
