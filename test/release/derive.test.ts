// Keys from a mnemonic: the known answers of Archipelago's own test, ours by the same method, and what is no mnemonic.

import t from 'tap'
import { NODE_ED25519, NODE_SECP256K1, checkScalar, deriveKey, deriveScalar, releaseRootOf, seedOf } from '../../server/release/derive.ts'
import { releaseFaultOf } from './fault-of.ts'

const MNEMONIC = `${'abandon '.repeat(23)}art`

t.test('the node keys of "abandon" 23 times and "art" are those of Archipelago\'s Rust test', async (t) => {
  const seed = seedOf(MNEMONIC)
  t.equal(seed.length, 64)
  t.equal(deriveKey(seed, NODE_ED25519).toString('hex'), '3b4f4a1450450260ae360adb9c33ea5eb86356fa14454ca0067dd4b51ea8be87')
  t.equal(deriveScalar(seed, NODE_SECP256K1).toString('hex'), '3a94fb32efab2a5025401d53fd7d82b41323a5c06ad14ce528ebe3a813d88831')
})

t.test('the release root of the same mnemonic is ours, by the same method', async (t) => {
  const root = releaseRootOf(MNEMONIC)
  t.equal(root.ed25519.toString('hex'), '613ab879e5fbd4fcded32bc7ffad662fff1ce0f744c69baa63e7416ffabe7b71')
  t.equal(root.secp256k1.toString('hex'), '853738db5f9d57728f3116ade91e89a246f42c63b1cb66ad28556279ce44d030')
})

t.test('white space and letter case between and of the words do not matter', async (t) => {
  t.strictSame(seedOf(`\n ${MNEMONIC.toUpperCase().replaceAll(' ', '  ')}\t\n`), seedOf(MNEMONIC))
})

t.test('other words, a wrong last word, too few and none are MNEMONIC_INVALID, and the fault does not tell them', async (t) => {
  for (const words of ['', 'art', `${'abandon '.repeat(23)}abandon`, `${'abandon '.repeat(23)}xyzzy`, `${'abandon '.repeat(22)}art`, 'a'.repeat(10_000)]) {
    t.equal(releaseFaultOf(() => seedOf(words)), 'MNEMONIC_INVALID')
  }
  t.throws(() => seedOf(`${'abandon '.repeat(23)}xyzzy`), { message: /^(?!.*(xyzzy|abandon))/ })
})

t.test('a secp256k1 number of 0 or not below the order is refused, never reduced', async (t) => {
  const order = Buffer.from('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141', 'hex')
  const below = Buffer.from(order)
  below[31]!--
  for (const bytes of [Buffer.alloc(32), order, Buffer.alloc(32, 0xff)]) t.equal(releaseFaultOf(() => checkScalar(bytes)), 'SCALAR_INVALID')
  t.equal(checkScalar(below), below)
})
