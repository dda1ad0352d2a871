// `marquee reports`: what people reported (BUD-09), asked of the running server, and of the store itself when none runs.

import t from 'tap'
import { freePort } from '../support/program.ts'
import { upload } from '../support/app.ts'
import { runCommand, runProgram, startServing } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'

const [owner, reporter] = [new Signer(), new Signer()]
const blob = seededBlob('reported', 100)

const report = (content: string, createdAt: number): ReturnType<Signer['sign']> =>
  reporter.sign({ kind: 1984, created_at: createdAt, tags: [['x', blob.sha256, 'malware']], content })

t.test('the same reports are listed while the server runs and when it does not', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  t.match(await runProgram(t, ['reports'], env), { code: 0, out: '', err: 'no reports\n' }, 'none yet, and no server')
  const server = await startServing(t, env)
  t.match(await runCommand(t, ['reports'], env), { code: 0, out: '', err: 'no reports\n' }, 'none yet, of a server')

  t.equal((await upload(server.url, owner, blob)).status, 201)
  const now = Math.floor(Date.now() / 1000)
  const events = [report('it bites\nand \x1b[31mcolours the terminal', now - 5), report('again', now - 3)]
  for (const event of events) {
    const { status } = await fetch(`${server.url}/report`, { method: 'PUT', body: JSON.stringify(event), headers: { 'content-type': 'application/json' } })
    t.equal(status, 200)
  }
  const running = { text: await runCommand(t, ['reports'], env), json: await runCommand(t, ['reports', '--json'], env) }
  t.match(running.text, { code: 0, err: '' })
  for (const event of events) t.match(running.text.out, `(${event.id})`)
  for (const text of [blob.sha256, reporter.pubkey, 'malware', '"again"', 'it bites and ']) t.match(running.text.out, text)
  t.notMatch(running.text.out, /\x1b/, 'a stranger does not write to the operator\'s terminal')
  const lines = running.json.out.trimEnd().split('\n').map((line) => JSON.parse(line) as { id: string, received: number })
  t.strictSame(lines.map(({ id }) => id).sort(), events.map(({ id }) => id).sort())
  t.match(lines[0], { reporter: reporter.pubkey, types: ['malware'], blobs: [blob.sha256] })
  t.ok(lines[0]!.received >= lines[1]!.received, 'newest first')

  server.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
  t.strictSame(await runCommand(t, ['reports'], env), running.text)
  t.strictSame(await runCommand(t, ['reports', '--json'], env), running.json)
})

t.test('somebody else who listens there and refuses is told, with 1', async t => {
  const port = await freePort()
  await startServing(t, { DATA_DIR: t.testdir({}), PORT: String(port) })
  const { code, out, err } = await runCommand(t, ['reports'], { DATA_DIR: t.testdir({ 'node.key': '' }), PORT: String(port), NODE_KEY: '11'.repeat(32) })
  t.strictSame([code, out], [1, ''])
  t.match(err, /^marquee: the server refused: 403/)
})

t.test('an accepted report blocks what it named, a dismissed one nothing; neither comes back when it is sent again', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  const server = await startServing(t, env)
  const now = Math.floor(Date.now() / 1000)
  const blobs = ['one', 'two', 'three'].map((name) => seededBlob(name, 200))
  const events = blobs.map(({ sha256 }) => reporter.sign({ kind: 1984, created_at: now, tags: [['x', sha256, 'spam'], ['x', 'ef'.repeat(32), 'spam']], content: '' }))
  const send = async (): Promise<number[]> => Promise.all(events.map(async (event) =>
    (await fetch(`${server.url}/report`, { method: 'PUT', body: JSON.stringify(event), headers: { 'content-type': 'application/json' } })).status))
  for (const each of blobs) t.equal((await upload(server.url, owner, each)).status, 201)
  t.strictSame(await send(), [200, 200, 200])

  const [first, second, third] = events.map(({ id }) => id)
  t.match(await runCommand(t, ['reports', '--accept', first!.toUpperCase()], env), { code: 0, out: `${blobs[0]!.sha256} blocked\n${first} accepted\n`, err: '' })
  t.match(await runCommand(t, ['reports', '--dismiss', second!], env), { code: 0, out: `${second} dismissed\n`, err: '' })
  t.strictSame(await Promise.all(blobs.map(async ({ sha256 }) => (await fetch(`${server.url}/${sha256}`)).status)), [404, 200, 200])
  t.equal((await fetch(`${server.url}/${'ef'.repeat(32)}`)).status, 404)
  t.match(await runCommand(t, ['blocked'], env), { out: new RegExp(`^${blobs[0]!.sha256} .* report ${first}\n$`) }, 'only what was here')
  t.strictSame(await send(), [404, 200, 200], 'what is blocked is not here')
  const left = await runCommand(t, ['reports', '--json'], env)
  t.strictSame(left.out.trim().split('\n').map((line) => (JSON.parse(line) as { id: string }).id), [third])
  const all = await runCommand(t, ['reports', '--all'], env)
  for (const text of [`(${first})\n  accepted 20`, `(${second})\n  dismissed 20`, `(${third})`]) t.ok(all.out.includes(text), text)

  t.match(await runCommand(t, ['reports', '--accept', 'ab'.repeat(32)], env), { code: 1, out: '', err: /404 there is no such report/ })
  server.kill('SIGTERM')
  await server.ended
  t.match(await runCommand(t, ['reports', '--accept', 'ab'.repeat(32)], env), { code: 1, out: '', err: 'there is no such report\n' })
  t.match(await runCommand(t, ['reports', '--accept', third!], env), { code: 0, out: `${blobs[2]!.sha256} blocked\n${third} accepted\n` }, 'without a server')
  t.match(await runCommand(t, ['reports'], env), { code: 0, out: '', err: 'no reports\n' })
  const again = await startServing(t, env)
  t.strictSame(await Promise.all(blobs.map(async ({ sha256 }) => (await fetch(`${again.url}/${sha256}`)).status)), [404, 200, 404])
})

t.test('an id that is none, and both verdicts at once, are exit code 2', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  t.match(await runCommand(t, ['reports', '--accept', '../x'], env), { code: 2, out: '' })
  t.match(await runCommand(t, ['reports', '--accept', 'ab'.repeat(32), '--dismiss', 'cd'.repeat(32)], env), { code: 2, out: '' })
})
