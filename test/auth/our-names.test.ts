// A7 and T5: whom a `server` tag may mean when it means us, in all the spellings that are in use, and never anybody else.

import t from 'tap'
import { OurNames } from '../../server/auth/our-names.ts'

interface Row { names: OurNames, ours: string[], foreign: string[] }

function check (sentence: string, { names, ours, foreign }: Row): void {
  t.test(sentence, t => {
    for (const value of ours) t.ok(names.isServerTag(value), `"${value}" is ours`)
    for (const value of foreign) t.notOk(names.isServerTag(value), `"${value}" is not`)
    t.end()
  })
}

const NOBODY = ['', ' ', '.', '/', ':', '://', 'http://', 'https:///', ':443', '*', 'null', 'undefined', '[', '::::', 'http://[', 'a b', '%']

check('11-6: a lower-case domain is ours, and so are domain:port and URL, which are in use too', {
  names: new OurNames('https://cdn.example.com', []),
  ours: [
    'cdn.example.com', 'cdn.example.com:443', 'https://cdn.example.com', 'https://cdn.example.com/', 'https://cdn.example.com:443', 'https://cdn.example.com/upload?x=1#y',
    'CDN.Example.COM', 'HTTPS://CDN.EXAMPLE.COM', '  cdn.example.com  ', 'cdn.example.com/'
  ],
  foreign: [
    ...NOBODY, 'example.com', 'evil.com', 'xcdn.example.com', 'cdn.example.com.evil.com', 'cdn.example.co', 'cdn-example.com', 'https://evil.com/cdn.example.com',
    'https://evil.com/?https://cdn.example.com', 'https://cdn.example.com@evil.com', 'cdn.example.com,evil.com', 'https://evil.com#cdn.example.com'
  ]
})

check('a value with a port, or a URL, means our port too', {
  names: new OurNames('https://cdn.example.com', []),
  ours: [],
  foreign: ['cdn.example.com:8443', 'cdn.example.com:80', 'cdn.example.com:80/', 'cdn.example.com:0080', 'http://cdn.example.com', 'http://cdn.example.com:80', 'https://cdn.example.com:80', 'https://cdn.example.com:3000']
})

check('over plain HTTP the default port is 80', {
  names: new OurNames('http://cdn.example.com', []),
  ours: ['cdn.example.com', 'cdn.example.com:80', 'http://cdn.example.com', 'http://cdn.example.com:80/'],
  foreign: ['cdn.example.com:443', 'https://cdn.example.com', 'https://cdn.example.com:443']
})

check('with a port of our own, a bare domain stands for every port, since the SDK drops it', {
  names: new OurNames('http://localhost:3000', []),
  ours: ['localhost', 'localhost:3000', 'http://localhost:3000', 'http://localhost:3000/', 'LOCALHOST:3000', 'https://localhost:3000'],
  foreign: ['localhost:3001', 'localhost:80', 'localhost:443', 'http://localhost', 'https://localhost', '127.0.0.1:3000', '3000']
})

check('IPv6 addresses are names like others, in any spelling', {
  names: new OurNames('http://[2001:db8::1]:3000', []),
  ours: ['[2001:db8::1]', '[2001:db8::1]:3000', 'http://[2001:db8::1]:3000', '[2001:DB8:0::0001]:3000', '[2001:db8:0:0:0:0:0:1]'],
  foreign: ['[2001:db8::2]', '[2001:db8::1]:80', '2001:db8::1:3000', 'http://[2001:db8::1]', '[::1]:3000']
})

check('aliases are ours too: origins, domains with a port, and bare domains at the ports that need no mention', {
  names: new OurNames('https://cdn.example.com', ['https://old.example.com:8443', 'blobs.example.org', 'lan.local:3000']),
  ours: [
    'cdn.example.com', 'old.example.com', 'old.example.com:8443', 'https://old.example.com:8443/', 'blobs.example.org', 'https://blobs.example.org', 'http://blobs.example.org/',
    'blobs.example.org:443', 'blobs.example.org:80', 'lan.local', 'lan.local:3000', 'http://lan.local:3000'
  ],
  foreign: ['https://old.example.com', 'blobs.example.org:8443', 'lan.local:3001', 'http://lan.local', 'example.org']
})

t.test('only configured origins begin a NIP-98 URL, the public one first', t => {
  const names = new OurNames('https://CDN.example.com:443', ['http://10.0.0.5:3000', 'blobs.example.org'])
  t.strictSame(names.origins, ['https://cdn.example.com', 'http://10.0.0.5:3000'])
  t.equal(names.publicUrl, 'https://cdn.example.com')
  t.end()
})

t.test('a URL leads back to us when host and port are ours, whatever its path', t => {
  const names = new OurNames('https://cdn.example.com', ['http://10.0.0.5:3000', 'blobs.example.org'])
  for (const url of ['https://cdn.example.com/x', 'https://user@cdn.example.com:443/', 'http://10.0.0.5:3000/y', 'https://blobs.example.org/z', 'http://blobs.example.org']) {
    t.ok(names.isOurs(new URL(url)), url)
  }
  for (const url of ['https://cdn.example.com:444/', 'http://cdn.example.com/', 'https://cdn.example.com@evil.com/', 'http://10.0.0.5/', 'http://10.0.0.6:3000/', 'https://blobs.example.org:444/', 'https://evil.com/https://cdn.example.com']) {
    t.notOk(names.isOurs(new URL(url)), url)
  }
  t.end()
})
