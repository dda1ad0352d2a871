// Languages as HLS wants them, BCP 47: containers say `eng` or `ger` (ISO 639-2, either form), people say `en` or `pt-BR`. Pure.

/** ISO 639-2/B codes that Intl does not know, which has the other form. */
const BIBLIOGRAPHIC: Readonly<Record<string, string>> = {
  alb: 'sq', arm: 'hy', baq: 'eu', bur: 'my', chi: 'zh', cze: 'cs', dut: 'nl', fre: 'fr', geo: 'ka', ger: 'de', gre: 'el', ice: 'is', mac: 'mk', mao: 'mi', may: 'ms',
  per: 'fa', rum: 'ro', slo: 'sk', tib: 'bo', wel: 'cy'
}

/** The canonical tag, `en` for `eng`; null for `und` and what is no language. */
export function languageOf (text: string): string | null {
  const found = canonical(BIBLIOGRAPHIC[text.toLowerCase()] ?? text)
  return found === null || /^(und|mul|zxx|mis)\b/.test(found) ? null : found
}

function canonical (text: string): string | null {
  try {
    return Intl.getCanonicalLocales(text)[0] ?? null
  } catch {
    return null
  }
}

/** Its English name, `German`; the tag itself where there is none. */
export function languageName (tag: string): string {
  return new Intl.DisplayNames(['en'], { type: 'language' }).of(tag) ?? tag
}
