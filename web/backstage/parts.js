// What forms of this page share: a field with its label, a place for what happened, and a button that works once at a time.

import { element } from '../shared/dom.js'
import { sentenceOf } from './words.js'

let fields = 0

/** A labelled input, with a line of help below it. @param {string} label @param {HTMLElement} input @param {string} [help] */
export function field (label, input, help) {
  input.id = `field-${++fields}`
  const line = help === undefined ? null : element('span', { className: 'help small soft', id: `${input.id}-help` }, help)
  if (line !== null) input.setAttribute('aria-describedby', line.id)
  return element('p', { className: 'field' }, element('label', { htmlFor: input.id }, label), input, line)
}

/** Where a form tells how it went: heard by readers of screens, red for what failed. */
export class Outcome {
  constructor () {
    this.node = element('p', { role: 'status', hidden: true })
  }

  /** @param {string} text @param {'' | 'good' | 'bad'} kind */
  tell (text, kind = '') {
    this.node.className = `note ${kind}`
    this.node.textContent = text
    this.node.hidden = text === ''
  }
}

/**
 * Runs `work` when the button is pressed; meanwhile it cannot be pressed again. What fails is told.
 * @param {HTMLButtonElement} button @param {Outcome} outcome @param {() => Promise<void>} work
 */
export function onPress (button, outcome, work) {
  button.addEventListener('click', () => { void once(button, outcome, work) })
}

/** The same of a form that is sent. @param {HTMLFormElement} form @param {Outcome} outcome @param {() => Promise<void>} work */
export function onSubmit (form, outcome, work) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void once(form.querySelector('button.main') ?? form.querySelector('button'), outcome, work)
  })
}

async function once (button, outcome, work) {
  if (button.disabled) return
  button.disabled = true
  outcome.tell('Your extension may ask you to sign.')
  try {
    await work()
  } catch (error) {
    outcome.tell(sentenceOf(error), 'bad')
  } finally {
    button.disabled = false
  }
}
