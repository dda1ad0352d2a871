// BIP-340's own test vectors (the columns of verification), and the native verifier beside nostr-tools' wasm one.

import { finalizeEvent } from 'nostr-tools/pure'
import { setNostrWasm, verifyEvent } from 'nostr-tools/wasm'
import { initNostrWasm } from 'nostr-wasm'
import t from 'tap'
import { verifySchnorr } from '../../server/auth/schnorr.ts'
import { seeded } from '../support/judging.ts'

setNostrWasm(await initNostrWasm())

const P1 = 'DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659'
const M1 = '243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89'
const R1 = '6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769'
const S1 = '69E89B4C5564D00349106B8497785DD7D1D713A8AE82B32FA79D5F7FC407D39B'

/** Public key, message, signature, result, comment: lines 0 to 14 of bip-0340/test-vectors.csv. */
const VECTORS: readonly [string, string, string, boolean, string][] = [
  ['F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9', '00'.repeat(32), 'E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA821525F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0', true, 'line 0'],
  [P1, M1, '6896BD60EEAE296DB48A229FF71DFE071BDE413E6D43F917DC8DCF8C78DE33418906D11AC976ABCCB20B091292BFF4EA897EFCB639EA871CFA95F6DE339E4B0A', true, 'line 1'],
  ['DD308AFEC5777E13121FA72B9CC1B7CC0139715309B086C960E18FD969774EB8', '7E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C77333024B9D0A508B75C', '5831AAEED7B44BB74E5EAB94BA9D4294C49BCF2A60728D8B4C200F50DD313C1BAB745879A5AD954A72C45A91C3A51D3C7ADEA98D82F8481E0E1E03674A6F3FB7', true, 'line 2'],
  ['25D1DFF95105F5253C4022F628A996AD3A0D95FBF21D468A1B33F8C160D8F517', 'FF'.repeat(32), '7EB0509757E246F19449885651611CB965ECC1A187DD51B64FDA1EDC9637D5EC97582B9CB13DB3933705B32BA982AF5AF25FD78881EBB32771FC5922EFC66EA3', true, 'the message is not reduced modulo p or n'],
  ['D69C3509BB99E412E68B0FE8544E72837DFA30746D8BE2AA65975F29D22DC7B9', '4DF3C3F68FCC83B27E9D42C90431A72499F17875C81A599B566C9889B9696703', '00000000000000000000003B78CE563F89A0ED9414F5AA28AD0D96D6795F9C6376AFB1548AF603B3EB45C9F8207DEE1060CB71C04E80F593060B07D28308D7F4', true, 'an x with leading zeros'],
  ['EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34', M1, R1 + S1, false, 'the public key is not on the curve'],
  [P1, M1, 'FFF97BD5755EEEA420453A14355235D382F6472F8568A18B2F057A14602975563CC27944640AC607CD107AE10923D9EF7A73C643E166BE5EBEAFA34B1AC553E2', false, 'has_even_y(R) is false'],
  [P1, M1, '1FA62E331EDBC21C394792D2AB1100A7B432B013DF3F6FF4F99FCB33E0E1515F28890B3EDB6E7189B630448B515CE4F8622A954CFE545735AAEA5134FCCDB2BD', false, 'negated message'],
  [P1, M1, `${R1}961764B3AA9B2FFCB6EF947B6887A226E8D7C93E00C5ED0C1834FF0D0C2E6DA6`, false, 'negated s'],
  [P1, M1, `${'00'.repeat(32)}123DDA8328AF9C23A94C1FEECFD123BA4FB73476F0D594DCB65C6425BD186051`, false, 'sG - eP is infinite, x 0'],
  [P1, M1, `${'00'.repeat(31)}017615FBAF5AE28864013C099742DEADB4DBA87F11AC6754F93780D5A1837CF197`, false, 'sG - eP is infinite, x 1'],
  [P1, M1, `4A298DACAE57395A15D0795DDBFD1DCB564DA82B0F269BC70A74F8220429BA1D${S1}`, false, 'r is not an x of the curve'],
  [P1, M1, `FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F${S1}`, false, 'r is the field size'],
  [P1, M1, `${R1}FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141`, false, 's is the order'],
  ['FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC30', M1, R1 + S1, false, 'the public key exceeds the field size']
]

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

t.test('every vector of BIP-340 is judged as it says, or left to the wasm verifier', t => {
  for (const [index, [pubkey, message, signature, good, comment]] of VECTORS.entries()) {
    const judged = verifySchnorr(bytes(message), bytes(pubkey), bytes(signature))
    if (index === 14) t.equal(judged, null, comment) // x beyond the order: signature.ts then asks the wasm verifier
    else t.equal(judged, good, comment)
  }
  t.end()
})

t.test('numbers that no signer meets are left to the wasm verifier', t => {
  t.equal(verifySchnorr(bytes(M1), bytes('00'.repeat(32)), bytes(R1 + S1)), null, 'P.x is 0')
  t.equal(verifySchnorr(bytes(M1), bytes(P1), bytes(R1 + '00'.repeat(32))), null, 's is 0')
  t.end()
})

t.test('300 random signatures, whole and with a bit turned: both verifiers say the same', t => {
  const random = seeded(t)
  for (let i = 0; i < 300; i++) {
    const event = JSON.parse(JSON.stringify(finalizeEvent({ kind: 1, created_at: random.below(2 ** 31), tags: [], content: String(i) }, bytes(random.hex())))) as ReturnType<typeof finalizeEvent>
    const part = random.pick(['sig', 'pubkey', 'none'] as const)
    if (part !== 'none') {
      const turned = bytes(event[part])
      const at = random.below(turned.length)
      turned[at] = turned[at]! ^ (1 << random.below(8))
      event[part] = turned.toString('hex')
    }
    // the id of another key's event is another: it is the signature alone that is compared
    const ours = verifySchnorr(bytes(event.id), bytes(event.pubkey), bytes(event.sig))
    t.equal(ours, part === 'none')
    if (part !== 'pubkey') t.equal(ours, verifyEvent(event))
  }
  t.end()
})
