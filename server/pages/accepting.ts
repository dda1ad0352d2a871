// Who asked, a browser or a program? RFC 9110 §12.5.1, as far as `GET /` needs it. Pure.

/** Is HTML named in this Accept header, and liked at least as well as JSON? `*` and nothing mean a program: those had JSON here before there were pages. */
export function wantsPage (accept: string | undefined): boolean {
  const liked = (type: string): number => Math.max(0, ...(accept ?? '').split(',').map((each) => {
    const [name, ...parameters] = each.split(';').map((part) => part.trim().toLowerCase())
    if (name !== type) return 0
    const weight = parameters.find((part) => part.startsWith('q='))
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0
  }))
  const html = liked('text/html')
  return html > 0 && html >= liked('application/json')
}
