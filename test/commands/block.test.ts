// `marquee block`, `unblock` and `blocked`: the same words asked of a running server, and of the data folder when none runs.

import t from 'tap'
import { upload } from '../support/app.ts'
import { runCommand, runProgram, startServing } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { freePort } from '../support/program.ts'

const owner = new Signer()
const [bad, worse] = [seededBlob('bad', 30_000), seededBlob('worse', 500)]

const status = async (url: string, sha256: string): Promise<number> => (await fetch(`${url}/${sha256}`)).status

t.test('blocks made without a server hold when it starts, and those asked of a server hold at once', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  t.match(await runProgram(t, ['blocked'], env), { code: 0, out: '', err: 'nothing is blocked\n' })
  t.match(await runCommand(t, ['block', bad.sha256.toUpperCase(), '--reason', 'on\nits \x1b[31mown'], env), { code: 0, out: `${bad.sha256} blocked\n`, err: '' })
  const alone = await runCommand(t, ['blocked'], env)
  t.match(alone.out, new RegExp(`^${bad.sha256}  20\\d\\d-\\S+Z  on its .*own\n$`))
  t.notMatch(alone.out, /\x1b/)

  const server = await startServing(t, env)
  t.match(await runCommand(t, ['blocked'], env), { code: 0, out: alone.out })
  t.equal((await upload(server.url, owner, bad)).status, 403)
  t.match(await runCommand(t, ['unblock', bad.sha256], env), { code: 0, out: `${bad.sha256} no longer blocked\n`, err: '' })
  for (const blob of [bad, worse]) t.equal((await upload(server.url, owner, blob)).status, 201)

  t.match(await runCommand(t, ['block', `${bad.sha256}.bin`, worse.sha256], env), { code: 0, out: `${bad.sha256} blocked\n${worse.sha256} blocked\n` })
  for (const { sha256 } of [bad, worse]) t.equal(await status(server.url, sha256), 404)
  t.match((await runCommand(t, ['blocked', '--json'], env)).out.trim().split('\n').map((line) => (JSON.parse(line) as { sha256: string }).sha256).sort(), [bad.sha256, worse.sha256].sort())
  t.match(await runCommand(t, ['block', worse.sha256, '--delete'], env), { code: 0, out: /1 ownerships ended/ })
  t.match(await runCommand(t, ['unblock', bad.sha256, worse.sha256], env), { code: 0 })
  t.equal(await status(server.url, bad.sha256), 200, 'kept')
  t.equal(await status(server.url, worse.sha256), 404, 'deleted')

  server.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
  t.match(await runCommand(t, ['block', bad.sha256, '--delete'], env), { code: 0, out: /1 ownerships ended/ }, 'without a server')
  t.match(await runCommand(t, ['unblock', bad.sha256], env), { code: 0 })
  const again = await startServing(t, env)
  t.equal(await status(again.url, bad.sha256), 404, 'deleted')
})

t.test('a word that is no sha256 is exit code 2, and nothing is changed', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  t.match(await runCommand(t, ['block', bad.sha256, 'x'.repeat(64)], env), { code: 2, out: '', err: /is no sha256/ })
  t.match(await runCommand(t, ['block'], env), { code: 2, out: '', err: /which hash/ })
  t.match(await runCommand(t, ['blocked'], env), { code: 0, out: '' })
})

t.test('a server that runs and cannot be reached is not bypassed', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  await startServing(t, env)
  for (const args of [['block', bad.sha256], ['block', bad.sha256, '--delete'], ['unblock', bad.sha256]]) {
    t.match(await runCommand(t, args, { ...env, PORT: String(await freePort()) }), { code: 1, out: '', err: /in use by marquee serve/ }, args.join(' '))
  }
})
