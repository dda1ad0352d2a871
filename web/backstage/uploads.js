// The two ways in: a finished build of a film, and any single file. Each shows how far it is, can be stopped, and goes on where it was when begun again.

import { element } from '../shared/dom.js'
import { sha256OfFile } from '../shared/sha256.js'
import { Problem } from './account.js'
import { openBuild } from './build-folder.js'
import { field, onPress, onSubmit, Outcome } from './parts.js'
import { publicOrigin, publishFilm } from './publish-film.js'
import { bringAll } from './transfer.js'
import { countOf, sizeOf } from './words.js'

/** A bar with words, and a button that stops the work. */
function progressBar () {
  const bar = element('progress', { 'max': 1, 'value': 0, 'aria-label': 'Progress' })
  const words = element('span', { className: 'small' })
  const stop = element('button', { type: 'button' }, 'Stop')
  const node = element('div', { className: 'progress', hidden: true }, bar, words, stop)
  let controller = new AbortController()
  stop.addEventListener('click', () => { controller.abort() })
  return {
    node,
    /** Runs `work` with a signal that the button aborts. @param {(signal: AbortSignal) => Promise<void>} work */
    during: async (work) => {
      controller = new AbortController()
      node.hidden = false
      // a page that is left loses what is on its way
      const stay = (event) => { event.preventDefault() }
      addEventListener('beforeunload', stay)
      try {
        await work(controller.signal)
      } finally {
        removeEventListener('beforeunload', stay)
        node.hidden = true
      }
    },
    /** @param {number | null} share null: it cannot be told @param {string} text */
    show: (share, text) => {
      if (share === null) bar.removeAttribute('value')
      else bar.value = share
      words.textContent = text
    }
  }
}

/** @param {import('./account.js').Account} account @param {() => Promise<void>} onPublished */
export function filmUpload (account, onPublished) {
  const outcome = new Outcome()
  const chosen = element('input', { type: 'file', webkitdirectory: true, multiple: true })
  const progress = progressBar()
  const form = element('form', {}, field('Folder', chosen, 'What “marquee film build --out FOLDER” made. Its secret stays in your browser: only the keys of the renditions are handed to this server.'),
    element('p', {}, element('button', { className: 'main' }, 'Upload and publish')), progress.node, outcome.node)
  onSubmit(form, outcome, async () => {
    if (chosen.files.length === 0) throw new Problem('Choose the folder first.')
    const build = await openBuild([...chosen.files], account)
    const size = build.blobs.reduce((sum, blob) => sum + blob.size, 0)
    const started = Date.now()
    let before = null
    outcome.tell('Your extension asks you to sign for the upload, for the keys and for the title.')
    await progress.during(async (signal) => {
      await publishFilm(account, build, { signal, tell: (stage, done) => {
        if (stage === 'keys') return progress.show(null, 'Handing in the keys')
        if (stage === 'title') return progress.show(null, 'Publishing the title')
        before ??= done.bytes
        const rate = (done.bytes - before) / Math.max(1, (Date.now() - started) / 1000)
        progress.show(size === 0 ? 1 : done.bytes / size,
          `${done.files} of ${countOf(build.blobs.length, 'file')}, ${sizeOf(done.bytes)} of ${sizeOf(size)}${rate > 0 ? `, ${sizeOf(rate)} a second` : ''}${done.there > 0 ? `; ${countOf(done.there, 'file')} were here` : ''}`)
      } })
    })
    outcome.tell(`“${build.film.text?.title ?? build.film.d}” is in the catalog.`, 'good')
    form.reset()
    await onPublished()
  })
  return form
}

/** @param {import('./account.js').Account} account */
export function blobUpload (account) {
  const outcome = new Outcome()
  const chosen = element('input', { type: 'file' })
  const progress = progressBar()
  const found = element('p', { className: 'row', hidden: true })
  const form = element('form', {}, field('File', chosen, 'It is stored as it is, and anybody who knows its address may fetch it.'),
    element('p', {}, element('button', { className: 'main' }, 'Upload')), progress.node, outcome.node, found)
  onSubmit(form, outcome, async () => {
    const [file] = chosen.files
    if (file === undefined) throw new Problem('Choose a file first.')
    found.hidden = true
    let sha256 = ''
    await progress.during(async (signal) => {
      sha256 = await sha256OfFile(file, (done) => { progress.show(file.size === 0 ? 1 : done / file.size, `Hashing: ${sizeOf(done)} of ${sizeOf(file.size)}`) }, signal)
      const blob = { sha256, size: file.size, type: file.type || 'application/octet-stream', name: file.name, file }
      await bringAll(account, [blob], { check: async () => {}, signal, tell: ({ bytes }) => { progress.show(file.size === 0 ? 1 : bytes / file.size, `Uploading: ${sizeOf(bytes)} of ${sizeOf(file.size)}`) } })
    })
    const ending = /\.[a-z0-9]{1,8}$/i.exec(file.name)?.[0].toLowerCase() ?? ''
    const url = `${await publicOrigin()}/${sha256}${ending}`
    const copy = element('button', { type: 'button' }, 'Copy the address')
    onPress(copy, outcome, async () => {
      await navigator.clipboard.writeText(url)
      outcome.tell('Copied.', 'good')
    })
    found.replaceChildren(element('code', {}, url), copy)
    found.hidden = false
    outcome.tell(`${file.name} is here.`, 'good')
    form.reset()
  })
  return form
}
