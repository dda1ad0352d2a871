// The menus under the player: quality, sound and subtitles of what hls.js plays. One with nothing to choose from is not shown.

import { at, element } from '../shared/dom.js'

/** What a language is called in the reader's, or its code. @param {string | undefined} code */
function languageOf (code) {
  if (!code || code === 'und') return ''
  try {
    return new Intl.DisplayNames(navigator.languages, { type: 'language' }).of(code) ?? code
  } catch {
    return code // no code of a language
  }
}

/** @param {{name?: string, lang?: string}} track @param {number} index */
function trackName ({ name, lang }, index) {
  const language = languageOf(lang)
  // what the playlist calls it says more only where it is no code again
  return name && name !== lang && name !== language ? (language === '' ? name : `${language} (${name})`) : language || `Track ${index + 1}`
}

/** @param {{height?: number, bitrate?: number, name?: string}} level @param {readonly object[]} all */
function levelName ({ height, bitrate, name }, all) {
  const alone = height > 0 && all.filter((other) => other.height === height).length === 1
  if (alone) return `${height}p`
  const rate = bitrate > 0 ? `${(bitrate / 1e6).toFixed(1)} Mbit/s` : name ?? ''
  return height > 0 ? `${height}p, ${rate}` : rate
}

function fill (select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element('option', { value: String(value), selected: value === chosen }, text)))
}

/**
 * Ties the menus to a player; they follow what it does by itself, too.
 * @param {import('../vendor/hls.mjs').default} hls @param {typeof import('../vendor/hls.mjs').default} Hls
 */
export function tieMenus (hls, Hls) {
  const [menus, quality, audio, subtitles] = ['menus', 'quality', 'audio', 'subtitles'].map(at)
  const show = (select, wanted) => {
    select.parentElement.hidden = !wanted
    menus.hidden = [quality, audio, subtitles].every((each) => each.parentElement.hidden)
  }

  const showLevels = () => {
    const { levels } = hls
    const order = levels.map((level, index) => [index, level]).sort(([, a], [, b]) => (b.height ?? 0) - (a.height ?? 0) || b.bitrate - a.bitrate)
    const now = levels[hls.currentLevel]
    const auto = hls.autoLevelEnabled && now !== undefined ? `Auto (${levelName(now, levels)})` : 'Auto'
    fill(quality, [[-1, auto], ...order.map(([index, level]) => [index, levelName(level, levels)])], hls.autoLevelEnabled ? -1 : hls.loadLevel)
    show(quality, levels.length > 1)
  }
  const showAudio = () => {
    fill(audio, hls.audioTracks.map((track, index) => [index, trackName(track, index)]), hls.audioTrack)
    show(audio, hls.audioTracks.length > 1)
  }
  const showSubtitles = () => {
    fill(subtitles, [[-1, 'Off'], ...hls.subtitleTracks.map((track, index) => [index, trackName(track, index)])], hls.subtitleDisplay ? hls.subtitleTrack : -1)
    show(subtitles, hls.subtitleTracks.length > 0)
  }

  for (const event of [Hls.Events.MANIFEST_PARSED, Hls.Events.LEVELS_UPDATED, Hls.Events.LEVEL_SWITCHED]) hls.on(event, showLevels)
  for (const event of [Hls.Events.AUDIO_TRACKS_UPDATED, Hls.Events.AUDIO_TRACK_SWITCHED]) hls.on(event, showAudio)
  for (const event of [Hls.Events.SUBTITLE_TRACKS_UPDATED, Hls.Events.SUBTITLE_TRACK_SWITCH]) hls.on(event, showSubtitles)

  quality.onchange = () => { hls.nextLevel = Number(quality.value) }
  audio.onchange = () => { hls.audioTrack = Number(audio.value) }
  subtitles.onchange = () => { chooseSubtitles(hls, Number(subtitles.value)) }
  menus.onsubmit = (event) => { event.preventDefault() }
}

/** @param {import('../vendor/hls.mjs').default} hls @param {number} track -1 for none */
export function chooseSubtitles (hls, track) {
  hls.subtitleDisplay = track >= 0
  hls.subtitleTrack = track
}
