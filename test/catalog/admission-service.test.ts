// The admission service as any gRPC client sees it: whatever comes, the answer is a decision, and never an error, which a relay takes for a yes.

import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import t from 'tap'
import { PROTO, startAdmission } from '../../server/catalog/admission-service.ts'
import { WritePolicy } from '../../server/catalog/write-policy.ts'
import { parseWriteRules } from '../../server/catalog/write-rules.ts'
import type { ServiceClientConstructor, ServiceError } from '@grpc/grpc-js'
import type { Test } from 'tap'

const CREATOR = 'c1'.repeat(32)
const NOW = 1_800_000_000

interface Reply {
  decision: string
  message: string
}

type Ask = (request: object) => Promise<Reply>

async function startAsking (t: Test, policy: WritePolicy = new WritePolicy(parseWriteRules(JSON.stringify({ creators: [CREATOR] }), ''))): Promise<Ask> {
  const admission = await startAdmission({ address: '127.0.0.1:0', policy, now: () => NOW })
  const { nauthz } = loadPackageDefinition(await load(PROTO, { keepCase: true, enums: String, defaults: true })) as unknown as { nauthz: { Authorization: ServiceClientConstructor } }
  const client = new nauthz.Authorization(`127.0.0.1:${admission.port}`, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await admission.close()
  })
  return (request) => new Promise((resolve, reject) => {
    // the methods of a client are only known once the file is read
    const admit = client['EventAdmit'] as (request: object, answer: (error: ServiceError | null, reply: Reply) => void) => void
    admit.call(client, request, (error, reply) => {
      if (error === null) resolve(reply)
      else reject(error)
    })
  })
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const TITLE = { id: bytes('1d'.repeat(32)), pubkey: bytes(CREATOR), created_at: NOW, kind: 34235, content: '', tags: [{ values: ['d', 'a'] }], sig: bytes('51'.repeat(64)) }

t.test('an event is judged as the relay has it, and who is refused is told why without the prefix that the relay puts before it', async t => {
  const ask = await startAsking(t)
  t.match(await ask({ event: TITLE, ip_addr: '203.0.113.7', user_agent: 'x' }), { decision: 'DECISION_PERMIT' })
  t.same(await ask({ event: { ...TITLE, pubkey: bytes('99'.repeat(32)) } }), { decision: 'DECISION_DENY', message: 'events of kind 34235 are not taken from this key' })
  t.match(await ask({ event: { ...TITLE, created_at: NOW + 1000 } }), { decision: 'DECISION_DENY', message: /^invalid: created_at/ })
  t.match(await ask({ event: { ...TITLE, tags: [{ values: ['d', 'a'] }, { values: [] }, { values: [''] }] } }), { decision: 'DECISION_PERMIT' })
})

t.test('a request without an event, or with one that no Nostr event is, is denied', async t => {
  const ask = await startAsking(t)
  for (const request of [
    {}, { event: {} }, { event: { ...TITLE, id: bytes('1d') } }, { event: { ...TITLE, pubkey: Buffer.alloc(0) } }, { event: { ...TITLE, sig: bytes('51'.repeat(65)) } },
    { event: { ...TITLE, kind: 65536 } }, { event: { ...TITLE, created_at: '18446744073709551615' } }, { event: { ...TITLE, kind: '18446744073709551615' } }
  ]) t.same(await ask(request), { decision: 'DECISION_DENY', message: 'invalid: this is no signed Nostr event' })
})

t.test('a policy that fails denies', async t => {
  const broken = { judge: () => { throw new Error('broken') } } as unknown as WritePolicy
  const ask = await startAsking(t, broken)
  t.match(await ask({ event: TITLE }), { decision: 'DECISION_DENY', message: /^error:/ })
})

t.test('a hundred at once are all answered, and an address that is taken is told', async t => {
  const ask = await startAsking(t)
  const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => ask({ event: { ...TITLE, kind: i % 2 === 0 ? 34235 : 1 } })))
  t.same(replies.map(({ decision }) => decision), Array.from({ length: 100 }, (_, i) => i % 2 === 0 ? 'DECISION_PERMIT' : 'DECISION_DENY'))
  await t.rejects(startAdmission({ address: '203.0.113.1:1', policy: new WritePolicy(parseWriteRules('{"creators":[]}', '')), now: () => NOW }))
})
