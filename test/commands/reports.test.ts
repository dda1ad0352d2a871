// `marquee reports`: what people reported (BUD-09), asked of the running server, and of the store itself when none runs.

import t from 'tap'
import { freePort } from '../support/minio.ts'
import { upload } from '../support/app.ts'
import { runCommand, startServing } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'

const [owner, reporter] = [new Signer(), new Signer()]
const blob = seededBlob('reported', 100)

const report = (content: string, createdAt: number): ReturnType<Signer['sign']> =>
  reporter.sign({ kind: 1984, created_at: createdAt, tags: [['x', blob.sha256, 'malware']], content })

t.test('the same reports are listed while the server runs and when it does not', async t => {
  const env = { DATA_DIR: t.testdir(), PORT: String(await freePort()) }
  t.match(await runCommand(t, ['reports'], env), { code: 0, out: '', err: 'no reports\n' }, 'none yet, and no server')
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
