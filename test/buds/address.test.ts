// server/buds/address.ts: every special range of the IANA registries at its edges, and the public addresses next door.

import t from 'tap'
import { isPublicAddress } from '../../server/buds/address.ts'

const PUBLIC = {
  'ordinary hosts': ['1.1.1.1', '8.8.8.8', '93.184.216.34', '223.255.255.255', '2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '2001:4860:4860::8888'],
  'the neighbours of the private ranges': ['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'],
  'the neighbours of CGNAT, loopback and link-local': ['100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.1', '169.253.255.255', '169.255.0.0'],
  'the neighbours of the small v4 ranges': ['192.0.1.1', '192.0.3.1', '198.17.255.255', '198.20.0.0', '198.51.99.255', '203.0.114.0', '1.0.0.0'],
  'the neighbours of the v6 ranges': ['2001:200::1', '2001:db7:ffff::1', '2001:db9::1', '2003::1', '3ffd::1', '2000::1'],
  'an address that only looks like ISATAP': ['2600::5efe:a00:1:1', '2600::1:5efe:a00:1'],
}

const REFUSED = {
  'unspecified, "this network"': ['0.0.0.0', '0.1.2.3', '0.255.255.255', '::'],
  'private': ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'loopback': ['127.0.0.1', '127.0.0.0', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1'],
  'link-local, with the cloud metadata service': ['169.254.0.1', '169.254.169.254', '169.254.255.255', 'fe80::1', 'febf::1'],
  'CGNAT': ['100.64.0.0', '100.100.100.200', '100.127.255.255'],
  'IETF protocol assignments': ['192.0.0.1', '192.0.0.170', '192.0.0.255', '2001:1::1', '2001:1ff::1'],
  'documentation': ['192.0.2.1', '198.51.100.255', '203.0.113.0', '2001:db8::1', '2001:db8:ffff::', '3fff::1', '3fff:fff::1'],
  'benchmarking': ['198.18.0.0', '198.19.255.255', '2001:2::1'],
  'multicast': ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  'reserved and broadcast': ['240.0.0.1', '255.255.255.254', '255.255.255.255'],
  '6to4, its relays, Teredo': ['2002::1', '2002:7f00:1::', '2002:a00:1::1', '192.88.99.1', '2001::1', '2001:0:7f00:1::'],
  'NAT64': ['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::1', '64:ff9b:1:ffff::10.0.0.1'],
  'IPv4 within IPv6, whatever it is': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '::127.0.0.1', '::8.8.8.8', '::ffff:0:10.0.0.1', '::ffff:0:8.8.8.8'],
  'ISATAP': ['2600::5efe:10.0.0.1', '2600::200:5efe:7f00:1'],
  'unique-local and site-local': ['fc00::1', 'fd00:ec2::254', 'fdff:ffff::1', 'fec0::1', 'feff::1'],
  'discard, ORCHID, segment routing, the 6bone': ['100::1', '2001:10::1', '2001:20::1', '2001:2f:ffff::1', '2001:30::1', '5f00::1', '3ffe::1'],
  'AS112 and AMT': ['192.31.196.1', '192.52.193.1', '192.175.48.1', '2001:4:112::1', '2620:4f:8000::1', '2001:3::1'],
  'outside 2000::/3': ['1fff:ffff::1', '4000::1', '8000::1', 'e000::1', '1::1'],
  'with a zone': ['fe80::1%eth0', 'fe80::1%1', '2606:4700:4700::1111%eth0'],
  'what is no plain address': [
    '', ' ', 'localhost', 'example.com', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '127.1', '8.8.8', '8.8.8.8.8', '010.0.0.1', '08.8.8.8',
    '256.1.1.1', '-1.1.1.1', '8.8.8.8 ', ' 8.8.8.8', '8.8.8.8\n', '8.8.8.8/32', '8.8.8.8:80', '[2606:4700::1]', '2606:4700::1::1', '2606:4700:g::1', ':::', '8.8.8.8\0',
  ],
}

for (const [range, addresses] of Object.entries(PUBLIC)) {
  t.test(`public: ${range}`, async t => {
    for (const address of addresses) t.equal(isPublicAddress(address), true, address)
  })
}

for (const [range, addresses] of Object.entries(REFUSED)) {
  t.test(`refused: ${range}`, async t => {
    for (const address of addresses) t.equal(isPublicAddress(address), false, JSON.stringify(address))
  })
}

t.test('no IPv4 address is public once it is written as an IPv6 one, and IPv6 is judged alike in any spelling', async t => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  t.comment(`SEED=${seed}`)
  let state = seed
  const octet = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  }
  for (let round = 0; round < 500; round++) {
    const bytes = [octet(), octet(), octet(), octet()]
    const [high, low] = [bytes[0]! << 8 | bytes[1]!, bytes[2]! << 8 | bytes[3]!].map(part => part.toString(16))
    for (const prefix of ['::ffff:', '::', '::ffff:0:', '64:ff9b::']) {
      for (const address of [`${prefix}${bytes.join('.')}`, `${prefix}${high}:${low}`]) {
        if (isPublicAddress(address)) t.fail(address)
      }
    }
    if (isPublicAddress(`2002:${high}:${low}::1`)) t.fail(`6to4 ${bytes.join('.')}`)
    const long = `${(0x2000 | octet() << 4).toString(16)}:${high}:${low}:0:0:0:0:1`
    if (isPublicAddress(long) !== isPublicAddress(long.replace(':0:0:0:0:', '::').toUpperCase())) t.fail(long)
  }
  t.pass('500 addresses')
})
