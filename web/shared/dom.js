// Elements from values. What comes from others is only ever text or an attribute here, never markup.

/**
 * An element with properties, attributes (names with a dash, and `role`) and children; null and undefined are left out.
 * @param {string} name @param {Record<string, unknown>} [facts] @param {...(Node | string | null | undefined)} children
 */
export function element (name, facts = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(facts)) {
    if (value === null || value === undefined) continue
    if (key in made && !key.includes('-')) made[key] = value
    else made.setAttribute(key, String(value))
  }
  made.append(...children.filter((child) => child !== null && child !== undefined))
  return made
}

/** The element of this id, which the page has. @param {string} id */
export function at (id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}
