// Who signs in backstage: a secret key from a file or the environment, or a remote signer over a relay (NIP-46).

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nsecEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { openBunker } from '../../backstage/bunker.ts'
import { openSigner } from '../../backstage/signer.ts'
import { isSigned } from '../../server/auth/signature.ts'
import { startBunker } from '../support/bunker.ts'
import { Signer } from '../support/keys.ts'
import { startSecondRelay } from '../support/second-relay.ts'

const draft = { kind: 34235, created_at: 1_700_000_000, tags: [['d', 'a film']], content: 'of a session · 映画' }
const say = (): void => {}

t.test('a secret key comes from a file or the environment, as nsec or hex, or as `key --make` tells it', async t => {
  const { secret, pubkey } = new Signer()
  const hex = Buffer.from(secret).toString('hex')
  const folder = t.testdir({ nsec: `${nsecEncode(secret)}\n`, pair: `npub1of-anybody\n${nsecEncode(secret)}\n`, hex: `  ${hex.toUpperCase()}\n` })
  for (const parts of [
    { key: join(folder, 'nsec'), env: {} }, { key: join(folder, 'pair'), env: {} }, { key: join(folder, 'hex'), env: { MARQUEE_NSEC: 'not looked at' } },
    { key: null, env: { MARQUEE_NSEC: nsecEncode(secret) } }, { key: null, env: { MARQUEE_NSEC_FILE: join(folder, 'nsec') } }
  ]) {
    const signer = await openSigner({ ...parts, say })
    t.equal(signer.pubkey, pubkey)
    const event = await signer.sign(draft)
    t.ok(isSigned(event))
    t.match(event, { ...draft, pubkey })
  }
})

t.test('what is sealed to oneself is opened by the same key alone', async t => {
  const [a, b] = [new Signer(), new Signer()].map(({ secret }) => nsecEncode(secret))
  const [mine, other] = await Promise.all([openSigner({ key: null, env: { MARQUEE_NSEC: a }, say }), openSigner({ key: null, env: { MARQUEE_NSEC: b }, say })])
  const sealed = await mine.seal('a title secret')
  t.notMatch(sealed, 'secret')
  t.equal(await mine.unseal(sealed), 'a title secret')
  await t.rejects(other.unseal(sealed), { message: /not sealed to this key/ })
})

t.test('a key that is none is told, without a word of what it was', async t => {
  const folder = t.testdir({ npub: 'npub1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqsmhkw0p', zero: '0'.repeat(64), text: 'hunter2' })
  for (const name of ['npub', 'zero', 'text']) {
    const error = await openSigner({ key: join(folder, name), env: {}, say }).catch((fault: unknown) => fault) as Error
    t.match(error.message, /neither an nsec/)
    t.notMatch(error.message, /hunter2|npub1/)
  }
  await t.rejects(openSigner({ key: join(folder, 'absent'), env: {}, say }), { message: /cannot be read/ })
  await t.rejects(openSigner({ key: null, env: {}, say }), { message: /--key FILE/ })
  await t.rejects(openSigner({ key: nsecEncode(new Signer().secret), env: {}, say }), { message: /can be read by everybody/ })
  await t.rejects(openSigner({ key: 'bunker://nobody', env: {}, say }), { message: /a bunker URI is/ })
})

t.test('a remote signer signs and seals over a relay, and is found again without its secret', async t => {
  const relay = await startSecondRelay(t)
  const bunker = await startBunker(t, relay.url)
  bunker.authUrl = 'https://signer.example/approve?x=1'
  const home = t.testdir({})
  const told: string[] = []
  const signer = await openSigner({ key: bunker.uri, env: { HOME: home }, say: (line) => { told.push(line) } })
  t.teardown(() => { signer.close() })
  t.equal(signer.pubkey, bunker.user.pubkey)
  t.match(told, [/open https:\/\/signer\.example\/approve/], 'the person is told where to go')
  const [event, second] = await Promise.all([signer.sign(draft), signer.sign({ ...draft, content: 'another' })])
  t.match([event, second], [{ ...draft, pubkey: bunker.user.pubkey }, { content: 'another' }])
  t.ok(isSigned(event) && isSigned(second))
  t.equal(await signer.unseal(await signer.seal('kept')), 'kept')

  const kept = join(home, '.config/marquee/bunkers', `${/\/\/(\w+)/.exec(bunker.uri)![1]}.key`)
  t.match(readFileSync(kept, 'utf8'), /^[0-9a-f]{64}\n$/)
  t.equal(statSync(kept).mode & 0o777, 0o600)
  bunker.asked.length = 0
  writeFileSync(join(home, 'uri'), bunker.uri)
  const again = await openSigner({ key: join(home, 'uri'), env: { HOME: home }, say })
  t.teardown(() => { again.close() })
  t.strictSame(bunker.asked, ['get_public_key'], 'the secret of the URI is taken once')
  t.ok(isSigned(await again.sign(draft)))
})

t.test('a remote signer that refuses, is silent, or signs something else is a fault that says so', async t => {
  const relay = await startSecondRelay(t)
  const bunker = await startBunker(t, relay.url)
  const signer = await openBunker({ uri: bunker.uri, env: {}, say, patience: 60_000 })
  t.teardown(() => { signer.close() })
  bunker.refusals.set('sign_event', 'user rejected')
  await t.rejects(signer.sign(draft), { name: 'Error', message: /refuses: user rejected/ })
  bunker.refusals.clear()
  for (const spoil of [(event: object) => ({ ...event, content: 'forged' }), (event: object) => ({ ...event, sig: '0'.repeat(128) }), () => new Signer().sign(draft), () => ({})]) {
    bunker.spoil = spoil
    await t.rejects(signer.sign(draft), { message: /something else/ })
  }
  await t.rejects(openBunker({ uri: bunker.uri, env: {}, say, patience: 300 }), { message: /did not answer within 0.3 s/ }, 'a secret that was used')
  await relay.stop()
  await t.rejects(openBunker({ uri: bunker.uri, env: {}, say, patience: 300 }), { message: /none of the remote signer's relays/ })
})
