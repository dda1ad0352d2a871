// server/buds/origin.ts, the way there: which URLs, addresses, redirects and answers are taken, with real servers on loopback.

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import t from 'tap'
import { isPublicAddress } from '../../server/buds/address.ts'
import type { OriginAddress } from '../../server/buds/origin.ts'
import { freePort } from '../support/program.ts'
import { HOME, OK, open, read, redirect, say, serve, until } from '../support/raw-origin.ts'

t.test('a 200 answers with final URL, type, length and bytes; the request is one plain GET without pooling', async t => {
  const place = await serve(t, say(OK))
  const { body, url, ...rest } = await open(`${place.url}/a%20b.txt?q=1#part`, { lookup: () => { throw new Error('no name is to be asked for') } })
  t.strictSame(rest, { status: 200, type: 'text/plain', length: 5 })
  t.equal(url.href, `${place.url}/a%20b.txt?q=1#part`)
  t.equal(await read(body), 'hello')
  const [line, ...headers] = (place.requests[0] ?? '').trimEnd().split('\r\n')
  t.equal(line, 'GET /a%20b.txt?q=1 HTTP/1.1')
  t.strictSame(headers.sort(), ['Accept-Encoding: identity', 'Accept: */*', 'Connection: close', `Host: 127.0.0.1:${place.port}`, 'User-Agent: marquee'])
})

t.test('an address that is not public is refused however it is written, and nothing connects', async t => {
  const place = await serve(t, say(OK))
  const hosts = ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '0x7f.1', '0x7f000001', '2130706433', '017700000001',
    '127.1', '0', '127.0.0.1.', '169.254.169.254', '10.0.0.1', '[fd00:ec2::254]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '%31%32%37.0.0.1', '①②⑦.0.0.1']
  for (const host of hosts) await t.rejects(open(`http://${host}:${place.port}/`, { allowPrivate: false }), { code: 'ORIGIN_FORBIDDEN', status: 403 }, host)
  t.strictSame(place.requests, [])
})

t.test('a name is refused when any one of its addresses is not public, or is no address', async t => {
  const place = await serve(t, say(OK))
  const mixed: OriginAddress[][] = [[{ address: '93.184.216.34', family: 4 }, HOME], [HOME, { address: '93.184.216.34', family: 4 }],
    [{ address: '2606:4700::1', family: 6 }, { address: '::ffff:127.0.0.1', family: 6 }], [{ address: 'fe80::1%lo', family: 6 }], [{ address: 'localhost', family: 4 }]]
  for (const found of mixed) {
    const fault = await open(`http://origin.test:${place.port}/`, { allowPrivate: false, lookup: async () => found }).catch(error => error)
    t.equal(fault.code, 'ORIGIN_FORBIDDEN', JSON.stringify(found))
    t.notMatch(fault.message, /127|fe80/, 'what the name resolved to is not told')
  }
  const noAddress = async () => [{ address: 'localhost', family: 4 }]
  await t.rejects(open('http://origin.test/', { lookup: noAddress }), { code: 'ORIGIN_FORBIDDEN' }, 'even where private ones are allowed')
  t.strictSame(place.requests, [])
})

t.test('rebinding: a name is asked for once a hop, the connection goes to the address that was checked, the Host stays the name', async t => {
  const good = await serve(t, say(OK))
  const evil = await serve(t, say(OK.replace('hello', 'evil!')), '127.0.0.2', good.port)
  const asked: string[] = []
  const lookup = async (name: string) => [asked.push(name) === 1 ? HOME : { address: '127.0.0.2', family: 4 }]
  const allow = (address: string) => address === HOME.address || isPublicAddress(address)
  const { body } = await open(`http://rebinding.invalid:${good.port}/`, { allowPrivate: false, allow, lookup })
  t.equal(await read(body), 'hello')
  t.strictSame(asked, ['rebinding.invalid'])
  t.match(good.requests[0], `\r\nHost: rebinding.invalid:${good.port}\r\n`)
  const again = open(`http://rebinding.invalid:${good.port}/`, { allowPrivate: false, allow, lookup })
  await t.rejects(again, { code: 'ORIGIN_FORBIDDEN' }, 'the next call asks and checks anew')
  t.strictSame(evil.requests, [])
})

t.test('of several checked addresses one that answers is found', async t => {
  const place = await serve(t, say(OK))
  const lookup = async () => [{ address: '127.0.0.3', family: 4 }, { address: '::1', family: 6 }, HOME]
  t.equal(await read((await open(`http://several.invalid:${place.port}/`, { lookup })).body), 'hello')
})

t.test('a redirect is checked like the first URL: addresses, scheme, credentials, our own host', async t => {
  const allow = (address: string) => address === HOME.address || isPublicAddress(address)
  const target = await serve(t, say(OK), '127.0.0.2')
  const cases: [string, string][] = [
    [target.url, 'ORIGIN_FORBIDDEN'], [`http://127.2:${target.port}/`, 'ORIGIN_FORBIDDEN'], [`//[::ffff:127.0.0.2]:${target.port}/`, 'ORIGIN_FORBIDDEN'],
    [`http://second.invalid:${target.port}/`, 'ORIGIN_FORBIDDEN'], ['http://169.254.169.254/latest/meta-data/', 'ORIGIN_FORBIDDEN'],
    ['http://ourselves.invalid/blob', 'ORIGIN_FORBIDDEN'], ['file:///etc/passwd', 'URL_INVALID'], ['gopher://origin.test/', 'URL_INVALID'],
    ['http://user:pass@127.0.0.1/', 'URL_INVALID'], ['http://user@127.0.0.1/', 'URL_INVALID'], ['data:,x', 'URL_INVALID'], ['http://', 'ORIGIN_FAILED'],
  ]
  const lookup = async (name: string) => name === 'first.invalid' ? [HOME] : [HOME, { address: '127.0.0.2', family: 4 }]
  const refuse = (url: URL) => url.hostname === 'ourselves.invalid'
  for (const [location, code] of cases) {
    const first = await serve(t, redirect(location))
    await t.rejects(open(`http://first.invalid:${first.port}/`, { allowPrivate: false, allow, lookup, refuse }), { code }, location)
    t.equal(first.requests.length, 1)
  }
  t.strictSame(target.requests, [])
})

t.test('redirects 301, 302, 303, 307 and 308 are followed, relative ones and UTF-8 too; each hop asks for its name', async t => {
  const asked: string[] = []
  const lookup = async (name: string) => {
    asked.push(name)
    return [HOME]
  }
  for (const status of [301, 302, 303, 307, 308]) {
    const place = await serve(t, (socket, head) => head.startsWith('GET /start ') ? redirect('../caf\u00c3\u00a9?x', status)(socket) : say(OK)(socket))
    const { url, body } = await open(`http://hop.invalid:${place.port}/start`, { lookup })
    t.equal(url.href, `http://hop.invalid:${place.port}/caf%C3%A9?x`)
    t.equal(await read(body), 'hello')
    await until(() => place.closed === 2)
  }
  t.equal(asked.length, 10)
})

t.test('what a redirect sends besides its Location is not read: its connection is closed', async t => {
  const wordy = await serve(t, (socket, head) => {
    if (head.startsWith('GET /start ')) socket.write('HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1000000\r\n\r\nand then')
    else say(OK)(socket)
  })
  const { body } = await open(`${wordy.url}/start`)
  await until(() => wordy.closed === 1)
  t.equal(await read(body), 'hello')
  await until(() => wordy.closed === 2)
  t.equal(wordy.requests.length, 2)
})

t.test('redirects are bounded, and a loop ends', async t => {
  const loop = await serve(t, redirect('/again'))
  await t.rejects(open(loop.url, { maxRedirects: 5 }), { code: 'ORIGIN_FAILED', message: /too many redirects/ })
  t.equal(loop.requests.length, 6)
  await t.rejects(open(loop.url, { maxRedirects: 0 }), { code: 'ORIGIN_FAILED' })
  t.equal(loop.requests.length, 7)
  const lost = await serve(t, say('HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n'))
  await t.rejects(open(lost.url), { code: 'ORIGIN_FAILED', message: /redirects nowhere/ })
})

t.test('a URL with another scheme, with credentials, or of our own host is not asked for', async t => {
  const place = await serve(t, say(OK))
  for (const url of ['file:///etc/passwd', 'ftp://127.0.0.1/', 'ws://127.0.0.1/', 'data:,hello', 'blossom:abc', 'http://u:p@127.0.0.1/', 'http://:p@127.0.0.1/']) {
    await t.rejects(open(url), { code: 'URL_INVALID', status: 400 }, url)
  }
  await t.rejects(open(place.url, { refuse: url => url.port === String(place.port) }), { code: 'ORIGIN_FORBIDDEN', message: /leads back to this server/ })
  t.strictSame(place.requests, [])
})

t.test('an answer other than a plain 200 is ORIGIN_FAILED, and its connection is closed', async t => {
  const cases: [string, RegExp][] = [
    ['HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here!', /the origin answered 404/], ['HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n', /answered 500/],
    ['HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nhello', /answered 206/], ['HTTP/1.1 304 Not Modified\r\n\r\n', /answered 304/],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', /./],
    ['HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello', /encodes/],
    ['HTTP/1.1 200 OK\r\nContent-Encoding: identity, br\r\n\r\nhello', /encodes/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', /encodes/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\nhello', /length/], ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', /HPE_/],
    ['HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello', /HPE_/], ['SSH-2.0-OpenSSH_9.6\r\n', /HPE_/], ['', /ECONNRESET/],
    [`HTTP/1.1 200 OK\r\nX-Filler: ${'x'.repeat(20_000)}\r\n\r\nhello`, /HPE_HEADER_OVERFLOW/],
  ]
  for (const [answer, message] of cases) {
    const place = await serve(t, socket => { socket.write(answer, () => { if (answer.length < 30) socket.end() }) })
    await t.rejects(open(place.url), { code: 'ORIGIN_FAILED', status: 502, message }, answer.slice(0, 60))
    await until(() => place.closed === 1)
  }
})

t.test('a name that does not resolve, a closed port and a silent origin are ORIGIN_FAILED', async t => {
  const lost = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  await t.rejects(open('http://lost.invalid/', { lookup: async () => { throw lost } }), { code: 'ORIGIN_FAILED', message: /does not resolve/, cause: lost })
  await t.rejects(open('http://lost.invalid/', { lookup: async () => [] }), { code: 'ORIGIN_FAILED', message: /has no address/ })
  await t.rejects(open('http://slow.invalid/', { lookup: () => new Promise(() => {}), connectTimeout: 50 }), { code: 'ORIGIN_FAILED', message: /in time/ })
  await t.rejects(open(`http://127.0.0.1:${await freePort()}/`), { code: 'ORIGIN_FAILED', message: /ECONNREFUSED/ })
  const silent = await serve(t, () => {})
  await t.rejects(open(silent.url, { connectTimeout: 50 }), { code: 'ORIGIN_FAILED', message: /in time/ })
  await until(() => silent.closed === 1)
})

// Made for this test: a key and a certificate for origin.test, 2020 to 2120.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0Gio7mO8eGaBfdOH
Ww+s/tMuyAf38TEroXLYcNDOgwuhRANCAARPe6q8i9WWcIjTGmgDR8N1cL60VNB5
jH3LiM9OWB1KrxtKl84VzmU1UssegRol0XOlAGRMnSYeXdrMNvc4jfNc
-----END PRIVATE KEY-----
`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBRjCB7qADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMMC29yaWdpbi50
ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAWMRQwEgYDVQQD
DAtvcmlnaW4udGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABE97qryL1ZZw
iNMaaANHw3VwvrRU0HmMfcuIz05YHUqvG0qXzhXOZTVSyx6BGiXRc6UAZEydJh5d
2sw29ziN81yjKzApMBYGA1UdEQQPMA2CC29yaWdpbi50ZXN0MA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgSuPcVMXiocsP3NQMIPyJ4b+9dOZp/GwV
8x6qSt4yWcQCIH/9RzieAAiCrx5I7YpCZQMqsIRMQwoRNzfgMxvCMonK
-----END CERTIFICATE-----
`

t.test('TLS: the certificate is checked against the name in the URL, though the connection goes to the pinned address', async t => {
  const names: unknown[] = []
  const server = https.createServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    names.push((request.socket as TLSSocket).servername, request.headers.host)
    response.end('hello')
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await t.rejects(open(`https://origin.test:${port}/`, { lookup: async () => [HOME] }), { code: 'ORIGIN_FAILED', message: /SELF_SIGNED/ })
  // Node reads which authorities it trusts when it starts: the trusting reader is another process.
  const file = join(t.testdir(), 'certificate.pem')
  writeFileSync(file, CERTIFICATE)
  const script = `const [module, url] = process.argv.slice(1)
    const { openOrigin } = await import(module)
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
    const options = { allowPrivate: true, maxRedirects: 0, connectTimeout: 10000, idleTimeout: 10000, lookup }
    try {
      for await (const chunk of (await openOrigin(new URL(url), options)).body) process.stdout.write(chunk)
    } catch (error) { process.stdout.write(error.message) }`
  const ask = async (url: string) => (await promisify(execFile)(process.execPath,
    ['--input-type=module', '-e', script, new URL('../../server/buds/origin.js', import.meta.url).href, url], { env: { NODE_EXTRA_CA_CERTS: file } })).stdout
  t.equal(await ask(`https://origin.test:${port}/`), 'hello')
  t.match(await ask(`https://other.test:${port}/`), /ERR_TLS_CERT_ALTNAME_INVALID/)
  t.match(await ask(`https://127.0.0.1:${port}/`), /ERR_TLS_CERT_ALTNAME_INVALID/)
  t.strictSame(names, ['origin.test', `origin.test:${port}`])
})
