// A built film's title made complete for the servers it goes to.

import t from 'tap'
import { completeTitle } from '../../../backstage/film/title-of.ts'
import { signTemplate } from '../../../server/catalog/sign-template.ts'
import { parseTitle } from '../../../server/catalog/kinds/title.ts'
import { signEvent } from '../../../server/auth/signature.ts'
import { Signer } from '../../support/keys.ts'
import type { EventTemplate } from '../../../backstage/film/film-build.ts'

const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]
const TIMES = { createdAt: 1_800_000_100, publishedAt: 1_800_000_000 }

const event: EventTemplate = {
  kind: 34235,
  content: 'about it',
  tags: [
    ['d', 'one'], ['title', 'One'], ['duration', '12'],
    ['imeta', `url ${a}.mp4`, `x ${a}`, 'm video/mp4', `image ${b}.jpg`],
    ['imeta', `url ${c}.m3u8`, `x ${c}`, 'm application/vnd.apple.mpegurl'],
    ['manifest', a, b, '10', 'application/vnd.indeehub.film+json'], ['x', a, 'manifest'], ['status', 'published']
  ]
}

t.test('files are at the first server, and at the others as fallbacks; the event parses and is within the budget of what we sign', t => {
  const { secret, pubkey } = new Signer()
  const draft = completeTitle({ event, encrypted: true }, { servers: ['https://one.example/', 'http://two.example:81', 'https://one.example'], access: 'https://one.example/keys', ...TIMES })
  const title = parseTitle(signTemplate(draft, { pubkey, sign: (each) => signEvent(each, Buffer.from(secret).toString('hex')) }))
  t.match(title, {
    servers: ['https://one.example', 'http://two.example:81'], access: { scheme: 'nip98', url: 'https://one.example/keys' }, publishedAt: TIMES.publishedAt,
    media: [
      { url: `https://one.example/${a}.mp4`, fallbacks: [`http://two.example:81/${a}.mp4`], images: [`https://one.example/${b}.jpg`, `http://two.example:81/${b}.jpg`] },
      { url: `https://one.example/${c}.m3u8`, fallbacks: [`http://two.example:81/${c}.m3u8`] }
    ]
  })
  t.equal(draft.created_at, TIMES.createdAt)
  t.end()
})

t.test('an open film has no access tag', t => {
  t.notOk(completeTitle({ event, encrypted: false }, { servers: ['https://one.example'], access: null, ...TIMES }).tags.some(([name]) => name === 'access'))
  t.end()
})

t.test('no server, a server that is none, and an encrypted film without a place for its keys are refused', t => {
  for (const [servers, access] of [[[], 'https://one.example/keys'], [['ftp://one.example'], 'https://one.example/keys'], [['https://one.example'], null]] as const) {
    t.throws(() => completeTitle({ event, encrypted: true }, { servers, access, ...TIMES }), { code: 'OPTION_WRONG' })
  }
  t.end()
})
