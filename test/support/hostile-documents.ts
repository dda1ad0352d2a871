// JSON bodies for /mirror, /report and /admin that are signed for as they must be, and are off inside: nested deep, keys twice, wrong types, huge
// numbers, text that is no UTF-8.

import { sha256Hex } from '../../server/stores/multihash.ts'
import type { Ground, Shot } from './hostile-requests.ts'

/** Text of a value that JSON can or cannot hold. */
function value ({ random, hashes }: Ground): string {
  return random.make([
    () => 'null', () => 'true', () => '0', () => '-0', () => '1e400', () => '-1e-400', () => '9'.repeat(random.below(2000) + 1), () => '0.1', () => '01', () => 'NaN',
    () => '""', () => `"${'x'.repeat(random.below(5000))}"`, () => '"\\u0000"', () => '"\\ud800"', () => '"\\x"', () => '"\0"', () => '"\xff\xfe"', () => '"\u{80}"',
    () => '[]', () => '{}', () => `${'['.repeat(random.below(20_000))}`, () => `${'['.repeat(5000)}${']'.repeat(5000)}`, () => `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`,
    () => `["${random.pick(hashes)}"]`, () => `[${Array.from({ length: random.below(1500) }, () => `"${random.hex(64)}"`).join(',')}]`, () => '["__proto__"]',
    () => `["${random.hex(64)}",5]`, () => '"accepted"', () => '[["x"]]', () => `"${random.hex(64)}"`
  ])
}

const URLS = ['', 'x', '/', 'http://', 'http://[', 'http://[::1', 'http://[::1]/', 'http://127.0.0.1:1/', 'http://127.0.0.1:99999/', 'http://127.1/', 'http://0x7f.1/', 'http://2130706433/',
  'http://user:pass@127.0.0.1/', 'file:///etc/passwd', 'javascript:alert(1)', 'ftp://127.0.0.1/', 'data:,x', 'blossom:', 'http://127.0.0.1:0/', 'http://169.254.169.254/',
  'http://[::ffff:127.0.0.1]/', 'http://[fe80::1%25eth0]/', 'https://127.0.0.1:1/', 'http://127.0.0.1\\@x/', 'http://127.0.0.1/%00', 'http://127.0.0.1:1/\\ud800', '//127.0.0.1/']

function members (ground: Ground, path: string): string[] {
  const { random, signer, url, hashes } = ground
  if (path === '/mirror') {
    const source = random.make([() => random.pick(URLS), () => `${random.pick(URLS)}${random.hex(64)}`, () => `${url}/${random.pick(hashes)}`, () => `http://127.0.0.1:1/${'a'.repeat(random.below(20_000))}`])
    return [`"url":"${source.replaceAll('\\@', '\\\\@')}"`]
  }
  if (path === '/report') {
    const event = signer.sign({ kind: 1984, created_at: Math.floor(Date.now() / 1000) - random.below(1000), tags: [['x', random.pick(hashes), 'spam'], ['server', url]], content: random.printable(20) })
    return Object.entries(event).map(([key, each]) => `"${key}":${JSON.stringify(each)}`)
  }
  if (path.startsWith('/admin/reports')) return ['"verdict":"accepted"']
  return [`"hashes":["${random.hex(64)}"]`, '"reason":"x"']
}

/** A document with one or two of its members, or the whole, off. */
function document (ground: Ground, path: string): string {
  const { random } = ground
  const parts = members(ground, path)
  for (let changes = 1 + random.below(2); changes > 0; changes--) {
    const at = random.below(parts.length)
    const key = /^"(\w+)"/.exec(parts[at]!)?.[1] ?? 'x'
    random.make([
      () => { parts[at] = `"${key}":${value(ground)}` }, () => { parts.push(`"${key}":${value(ground)}`) }, () => { parts.splice(at, 1, `"__proto__":{"${key}":1}`) },
      () => { parts.push(`"constructor":${value(ground)}`) }, () => { parts[at] = parts[at]!.replace('"', '"\\u0000') }, () => {}
    ])
  }
  const text = `{${parts.join(',')}}`
  return random.chance(0.8) ? text : random.make([
    () => value(ground), () => `${text}${text}`, () => `\xef\xbb\xbf${text}`, () => text.slice(0, random.below(text.length)), () => `[${text}]`, () => `${text},`,
    () => `${text}\0`, () => text.replaceAll('"', "'"), () => `/**/${text}`, () => ' '.repeat(random.below(70_000)) + text, () => '', () => random.noise(random.below(300))
  ])
}

export function hostileDocument (ground: Ground): Shot {
  const { random, signer, operator, url, hashes } = ground
  const path = random.pick(['/mirror', '/mirror', '/report', '/admin/blocked', '/admin/pinned', '/admin/allowed', `/admin/reports/${random.pick(hashes)}`])
  const method = path.startsWith('/admin/') ? random.pick(['POST', 'POST', path.includes('reports') ? 'POST' : 'DELETE']) : 'PUT'
  const body = document(ground, path).replace(/[^\x00-\xff]/g, '?')
  const who = path.startsWith('/admin/') ? operator : signer
  const token = who.httpToken(method, `${url}${path}`, { payload: random.chance(0.97) ? sha256Hex(Buffer.from(body, 'latin1')) : random.hex(64) })
  const type = random.pick(['application/json', 'application/json', 'application/json; charset=utf-16', 'text/plain', ''])
  const text = `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  return { kind: 'document', text, method, answers: 1 }
}
