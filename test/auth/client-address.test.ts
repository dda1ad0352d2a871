// Whose address a request counts for: proxies that the operator named are believed, and nobody else.

import t from 'tap'
import { ClientAddresses } from '../../server/auth/client-address.ts'

function nameOf (trusted: string[], remoteAddress: string | undefined, forwarded?: string | string[]): string | null {
  return new ClientAddresses(trusted).of({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } })
}

t.test('without a proxy it is the address of the connection, and X-Forwarded-For is ignored', async t => {
  t.equal(nameOf([], '192.0.2.1'), '192.0.2.1')
  t.equal(nameOf([], '192.0.2.1', '198.51.100.9'), '192.0.2.1')
  t.equal(nameOf([], '::ffff:192.0.2.1'), '192.0.2.1', 'as a dual socket writes it')
  t.equal(nameOf([], undefined), 'unknown')
})

t.test('IPv6 clients are told apart by /64', async t => {
  const name = nameOf([], '2001:db8:1:2:3:4:5:6')
  t.equal(name, '2001:db8:1:2::/64')
  t.equal(nameOf([], '2001:db8:1:2:ffff::1'), name)
  t.equal(nameOf([], 'fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.not(nameOf([], '2001:db8:1:3::6'), name)
})

t.test('this machine itself is exempt as long as no proxy is named', async t => {
  for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
    t.equal(nameOf([], address), null, address)
    t.equal(nameOf([], address, '192.0.2.1'), null, 'whatever it claims')
    t.type(nameOf(['10.0.0.1'], address), 'string', address)
  }
})

t.test('a named proxy is believed, by address and by range, and what it was told by others is not', async t => {
  for (const proxy of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0']) {
    t.equal(nameOf([proxy], '10.0.0.1', '192.0.2.1'), '192.0.2.1', proxy)
    t.equal(nameOf([proxy], '::ffff:10.0.0.1', ' 192.0.2.1 '), '192.0.2.1')
  }
  t.equal(nameOf(['10.0.0.0/8'], '10.0.0.1', '203.0.113.5, 192.0.2.1'), '192.0.2.1', 'the last hop is what the proxy saw; the first the client wrote itself')
  t.equal(nameOf(['10.0.0.0/8'], '10.0.0.1', ['203.0.113.5', '192.0.2.1']), '192.0.2.1', 'in two lines as in one')
  t.equal(nameOf(['10.0.0.0/8'], '10.0.0.1', '203.0.113.5, 192.0.2.1, 10.9.9.9'), '192.0.2.1', 'a chain of ours is gone through')
  t.equal(nameOf(['10.0.0.1'], '10.0.0.2', '192.0.2.1'), '10.0.0.2', 'a neighbour of the proxy is none')
  t.equal(nameOf(['::1', '2001:db8::/32'], '::1', '198.51.100.7, 2001:db8::5'), '198.51.100.7')
  t.equal(nameOf(['127.0.0.1'], '127.0.0.1', '2001:db8:1:2:3::4'), '2001:db8:1:2::/64')
})

t.test('a hop may have a port; what is no address ends the chain where it was last sure', async t => {
  t.equal(nameOf(['10.0.0.1'], '10.0.0.1', '192.0.2.1:4711'), '192.0.2.1')
  t.equal(nameOf(['10.0.0.1'], '10.0.0.1', '[2001:db8::1]:4711'), '2001:db8:0:0::/64')
  for (const hop of ['unknown', '_hidden', '', '999.1.1.1', '0x7f.1', '010.0.0.1', '192.0.2.1;', '[::1', `${'9'.repeat(10_000)}`]) {
    t.equal(nameOf(['10.0.0.1', '10.0.0.2'], '10.0.0.1', `192.0.2.1, ${hop}`), '10.0.0.1', hop.slice(0, 20))
    t.equal(nameOf(['10.0.0.1', '10.0.0.2'], '10.0.0.1', `${hop}, 10.0.0.2`), '10.0.0.2')
  }
  t.equal(nameOf(['10.0.0.1'], '10.0.0.1'), '10.0.0.1', 'without the header it is the proxy')
})

t.test('a chain as long as a header may be costs no more than its last hops', async t => {
  const started = performance.now()
  t.equal(nameOf(['10.0.0.0/8'], '10.0.0.1', '10.0.0.1,'.repeat(12_000) + '10.0.0.7'), '10.0.0.1')
  t.ok(performance.now() - started < 200)
})
