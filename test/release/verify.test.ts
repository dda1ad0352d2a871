// What a node installs and what it refuses: every scenario of test/support/release-attacks.ts, each with the one check that fails first and its reason;
// and that what was seen is kept whatever the verdict.

import t from 'tap'
import { CHECKS } from '../../server/release/checks.ts'
import { RELEASE_FAULTS } from '../../server/release/faults.ts'
import { emptyState, mergeStates, parseState, stateText, withInstalled } from '../../server/release/state.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { Random } from '../support/random.ts'
import { SCENARIOS } from '../support/release-attacks.ts'
import { APP, CHANNEL, DAY, NEXT_ROOT, NOW, ROOT, TIMESTAMP_KEY, eventsOf, requestOf } from '../support/release-chain.ts'
import { releaseFaultOf } from './fault-of.ts'

for (const { name, says, request, verdict, fails } of SCENARIOS) {
  t.test(fails === null ? says : `${says}: ${fails[1]}`, async (t) => {
    const found = verifyRelease(request)
    const failed = found.checks.filter(({ result }) => result === 'failed')
    t.strictSame([found.verdict, failed[0]?.name ?? null, failed[0]?.code ?? null], [verdict, ...(fails ?? [null, null])], name)
    t.equal(failed[0]?.reason?.startsWith(RELEASE_FAULTS[fails?.[1] ?? 'ROOT_WRONG'][1]) ?? true, true, 'in the words of the table')
    t.strictSame(verifyRelease({ ...request, state: found.newState }).verdict === 'install', found.verdict === 'install', 'asked again it says the same')
  })
}

t.test('every check is named once and in order, passed, failed, or skipped with its reason', async (t) => {
  for (const { request } of SCENARIOS) {
    const names = verifyRelease(request).checks.map(({ name }) => name)
    t.strictSame([...new Set(names)], [...CHECKS])
    t.ok(verifyRelease(request).checks.every(({ result, reason }) => result === 'passed' || reason !== undefined))
  }
})

t.test('what stands on a check that failed is skipped and says so', async (t) => {
  const { checks } = verifyRelease(requestOf({ pointerSeeds: [] }))
  const { result, reason } = checks.find(({ name }) => name === 'manifest.floor')!
  t.strictSame([result, reason], ['skipped', 'pointer.signature did not pass'])
})

t.test('an expired bundle or pointer hides nothing: the rest of the chain is looked at, and what is authentic is kept', async (t) => {
  const found = verifyRelease({ ...requestOf(), now: NOW + 400 * DAY })
  t.strictSame(found.checks.filter(({ result }) => result === 'failed').map(({ code }) => code), ['BUNDLE_EXPIRED', 'POINTER_EXPIRED'])
  t.equal(found.verdict, 'stale')
  t.equal(found.manifest?.sequence, 42)
  t.equal(found.newState.channels[`${APP}/${CHANNEL}`]?.rollback_floor, 38)
})

t.test('a release that this node may not install is kept in mind all the same: its floor holds', async (t) => {
  const { verdict, newState } = verifyRelease(requestOf({}, { installed: 5 }))
  t.equal(verdict, 'refused')
  t.match(newState.channels[`${APP}/${CHANNEL}`], { sequence: 42, rollback_floor: 38 })
})

t.test('a stolen timestamp key alone moves no floor and no sequence', async (t) => {
  const request = requestOf({ pointer: (each) => { each.sequence = Number.MAX_SAFE_INTEGER }, pointerSeeds: [TIMESTAMP_KEY] })
  const { verdict, newState } = verifyRelease(request)
  t.equal(verdict, 'refused')
  t.strictSame(newState.channels, {})
  t.equal(verifyRelease({ ...requestOf(), state: newState }).verdict, 'install', 'the next honest pointer is taken')
})

t.test('a rotation is remembered: the new root counts, and an operator who pins it keeps what is known', async (t) => {
  const before = verifyRelease(requestOf()).newState
  const rotation = SCENARIOS.find(({ name }) => name === 'valid-rotation')!.request
  const { newState } = verifyRelease({ ...rotation, state: before })
  t.match(newState.trust[ROOT.publicKey], { root: NEXT_ROOT.publicKey, version: 8, next_root: null })
  const replay = requestOf({ bundle: (each) => { Object.assign(each, { bundle_version: 5, root: { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey } }) }, bundleSeeds: [NEXT_ROOT.ed25519] })
  const found = verifyRelease({ ...replay, roots: [NEXT_ROOT.publicKey], state: newState })
  t.equal(found.checks.find(({ result }) => result === 'failed')?.code, 'BUNDLE_OLDER')
})

t.test('several roots may be pinned; with none nothing is trusted', async (t) => {
  t.equal(verifyRelease({ ...requestOf(), roots: [NEXT_ROOT.publicKey, ROOT.publicKey] }).verdict, 'install')
  t.equal(verifyRelease({ ...requestOf(), roots: [] }).checks.find(({ result }) => result === 'failed')?.code, 'ROOT_WRONG')
})

t.test('any single bit that is another in any document is refused', async (t) => {
  const request = requestOf()
  const intermediate = { ...requestOf({ manifest: (each) => { Object.assign(each, { sequence: 31, min_sequence_to_upgrade_from: 0, rollback_floor: 0 }) } }), pointer: request.pointer, intent: 'intermediate' as const, installed: 30 }
  t.equal(verifyRelease(intermediate).verdict, 'install', 'no pointer names the hash of this one: its signature alone keeps it')
  const random = new Random(20261121)
  // of the manifests some bytes alone: they are the longest by far
  for (const [whole, name, step] of [[request, 'bundle', 1], [request, 'pointer', 1], [request, 'manifest', 5], [intermediate, 'manifest', 3]] as const) {
    const through: number[] = []
    for (let at = random.below(step); at < whole[name].length; at += step) {
      const bytes = Buffer.from(whole[name])
      bytes[at]! ^= 1 << random.below(8)
      if (verifyRelease({ ...whole, [name]: bytes }).verdict !== 'refused') through.push(at)
    }
    t.strictSame(through, [], `${name}, ${whole[name].length} bytes, seed ${random.seed}`)
  }
})

t.test('a document cut off at any place, or with a byte more, is refused', async (t) => {
  const request = requestOf()
  for (const name of ['bundle', 'pointer', 'manifest'] as const) {
    const bytes = request[name]
    for (let end = 0; end < bytes.length; end += 7) t.equal(verifyRelease({ ...request, [name]: bytes.subarray(0, end) }).verdict, 'refused')
    t.equal(verifyRelease({ ...request, [name]: Buffer.concat([bytes, Buffer.from(' ')]) }).verdict, 'refused')
  }
})

t.test('state goes through a file and comes back; what is no state is never taken for an empty one', async (t) => {
  const { newState } = verifyRelease(requestOf())
  t.strictSame(parseState(Buffer.from(stateText(newState))), newState)
  for (const text of ['{}', '[]', '{"schema":"marquee.release-state/1","trust":{},"channels":{"a/b":{"sequence":-1}}}']) t.equal(releaseFaultOf(() => parseState(Buffer.from(text))), 'STATE_INVALID')
  t.equal(releaseFaultOf(() => parseState(Buffer.from(''))), 'DOCUMENT_UNREADABLE')
})

t.test('two verifications at once: the higher of both is kept, part by part', async (t) => {
  const low = verifyRelease(requestOf({ manifest: (each) => { Object.assign(each, { sequence: 41, version: '1.7.9' }) } })).newState
  const high = verifyRelease(requestOf({ bundle: (each) => { each.bundle_version = 9 } })).newState
  for (const merged of [mergeStates(low, high), mergeStates(high, low)]) {
    t.equal(merged.trust[ROOT.publicKey]?.version, 9)
    t.equal(merged.channels[`${APP}/${CHANNEL}`]?.sequence, 42)
  }
  t.strictSame(mergeStates(emptyState(), high), high)
  t.equal(withInstalled(high, APP, CHANNEL, 42).channels[`${APP}/${CHANNEL}`]?.installed, 42)
  t.strictSame(withInstalled(emptyState(), APP, CHANNEL, 42), emptyState())
})

t.test('what is installed is read from the state where it is not said', async (t) => {
  const { installed: _, ...request } = requestOf()
  const state = withInstalled(verifyRelease(request).newState, APP, CHANNEL, 42)
  t.equal(verifyRelease({ ...request, state }).verdict, 'stay')
})

t.test('an event of another kind, of another name, or that is none is reported', async (t) => {
  const request = requestOf()
  const [application] = eventsOf(request)
  for (const event of [null, 5, 'x', {}, { ...application, sig: '0'.repeat(128) }, { ...application, id: 'x' }]) {
    const found = verifyRelease({ ...request, events: [event] })
    t.strictSame([found.verdict, found.checks.at(-2)?.code], ['install', 'EVENT_INVALID'])
  }
})
