// Messages whose end is in doubt, or hides another: the shapes by which requests are smuggled past a proxy (RFC 9112 §6.3, §11.2). In the body
// of each stands a request for the bait; a server that answers it took the body's bytes for a request.

import type { Ground, Shot } from './hostile-requests.ts'

function hidden ({ bait }: Ground): string {
  return `GET /${bait} HTTP/1.1\r\nHost: x\r\n\r\n`
}

/** A body in chunks cut anywhere, with extensions and trailers that mean nothing. */
function chunked ({ random }: Ground, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const length = Math.min(body.length - at, 1 + random.below(60))
    const size = random.pick([length.toString(16), length.toString(16).toUpperCase(), `000${length.toString(16)}`])
    text += `${size}${random.pick(['', '', ';x', ';x=y', ';x="y z"', ';a=b;c=d'])}\r\n${body.slice(at, at + length)}\r\n`
    at += length
  }
  return `${text}0\r\n${random.pick(['', '', 'X-Trailer: y\r\n', 'Content-Length: 5\r\n'])}\r\n`
}

/** Whole messages one behind the other, each framed by the rules, refused or taken, and a last one that must be answered in its turn or not at all. */
function pipeline (ground: Ground): Shot {
  const { random, signer, tiny, hashes } = ground
  let text = ''
  const messages = 1 + random.below(4)
  for (let count = 0; count < messages; count++) {
    const body = hidden(ground).repeat(1 + random.below(3))
    const head = random.make([
      () => 'PUT /upload', () => `PUT /upload HTTP/1.1\r\nAuthorization: ${signer.token('upload', { hashes: [tiny.sha256] })}`, () => 'PUT /mirror', () => 'POST /nowhere',
      () => 'PUT /report', () => `DELETE /${hashes[2]}`, () => `GET /${hashes[0]}`, () => 'OPTIONS /upload', () => 'POST /admin/blocked', () => 'PATCH /'
    ])
    const start = head.includes('HTTP/1.1') ? head : `${head} HTTP/1.1`
    text += random.chance(0.5)
      ? `${start}\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      : `${start}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(ground, body)}`
  }
  return { kind: 'pipeline', text: `${text}GET /${hashes[1]} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n\r\n`, method: 'GET', answers: messages + 1 }
}

/** Two readings of one message: whoever is asked must refuse, or read it in one way and close. */
function ambiguous (ground: Ground): Shot {
  const { random } = ground
  const inner = hidden(ground)
  const method = random.pick(['PUT /upload', 'POST /x', `GET /${ground.hashes[1]}`, 'PUT /mirror', 'OPTIONS /'])
  const message = (fields: string[], body: string, version = '1.1', end = '\r\n'): string => `${method} HTTP/${version}${end}Host: x${end}${fields.join(end)}${end}${end}${body}`
  const ended = `0\r\n\r\n${inner}`
  const odd = random.pick(['xchunked', 'chunked, identity', 'identity, chunked', '\x0bchunked', 'chunked\x0b', '"chunked"', 'chunked;q=1', 'chunked chunked', ',chunked', 'chunKed, gzip', 'identity'])
  const text = random.make([
    () => message([`Content-Length: ${ended.length}`, 'Transfer-Encoding: chunked'], ended),
    () => message(['Transfer-Encoding: chunked', 'Content-Length: 4'], ended),
    () => message([`Content-Length: ${inner.length}`, 'Content-Length: 0'], inner),
    () => message(['Content-Length: 0', `Content-Length: ${inner.length}`], inner),
    () => message([`Content-Length: 0, ${inner.length}`], inner),
    () => message([`Content-Length: ${random.pick(['+', '-', '0x', '0b', ' +', '٣', '\x0b'])}${inner.length}`], inner),
    () => message([`Content-Length: ${inner.length}${random.pick(['.0', 'e0', 'x', ' 0', ';', ','])}`], inner),
    () => message([`Transfer-Encoding: ${odd}`], ended),
    () => message([`Transfer-Encoding: ${odd}`, `Content-Length: ${ended.length}`], ended),
    () => message(['Transfer-Encoding : chunked'], ended),
    () => message(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], ended),
    () => message([' Transfer-Encoding: chunked'], ended),
    () => message(['X-Folded: a', `\tTransfer-Encoding: chunked\r\nContent-Length: ${ended.length}`], ended),
    () => message(['Transfer-Encoding:', ' chunked', `Content-Length: ${ended.length}`], ended),
    () => message([`Content-Length:\r\n ${inner.length}`], inner),
    () => message([`X-Bare: a\nContent-Length: ${inner.length}`], inner),
    () => message([`X-Bare: a\rContent-Length: ${inner.length}`], inner),
    () => message([`Content-Length: ${inner.length}`], inner, '1.1', '\n'),
    () => message(['Transfer-Encoding: chunked'], ended, '1.0'),
    () => message(['Transfer-Encoding: chunked'], `${random.pick(['-1', '0x5', '+5', 'ffffffffffffffff', 'fffffffffffffffff0', '5 ', ' 5', '', ';', '5\n', '5;\x00', '5;a\nb', '٥'])}\r\n${inner}`),
    () => message(['Transfer-Encoding: chunked'], `5\r\nhelloXX${ended}`),
    () => message(['Transfer-Encoding: chunked'], `5\r\nhello\n${ended}`),
    () => message(['Transfer-Encoding: chunked'], `0\n\n${inner}`),
    () => message(['Transfer-Encoding: chunked'], `1;${'x'.repeat(20_000)}\r\na\r\n${ended}`),
    () => message([`Content-Length: ${inner.length}`, 'Expect: 100-continue'], inner),
    () => message(['Connection: Upgrade', 'Upgrade: websocket', `Content-Length: ${inner.length}`], inner),
    () => `CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n${inner}`,
    () => `CONNECT /${ground.hashes[1]} HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    () => `OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    () => `GET http://127.0.0.1/${ground.hashes[1]} HTTP/1.1\r\nHost: y\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`,
    () => `GET /${ground.hashes[1]} HTTP/1.1\r\nHost: x\r\nX: ${random.pick(['\0', '\x07', '\x7f'])}\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`
  ])
  return { kind: 'ambiguous', text, method: 'GET', answers: 1 }
}

/** A shape of smuggling, or an honest pipeline that looks like one. */
export function hostileFraming (ground: Ground): Shot {
  return ground.random.chance(0.35) ? pipeline(ground) : ambiguous(ground)
}
