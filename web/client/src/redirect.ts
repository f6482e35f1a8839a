/**
 * Goes where the message of a `redirect` event says, as the original's pages do: `<=` back in the history, `../` one
 * level up, `/param` appended to the address, anything else a page of this site. Returns false for another site.
 */
export function redirect(message: unknown): boolean {
  const target = typeof message === 'string' ? message.trim() : ''
  if (target === '<=') history.back()
  if (!target || target === '<=') return true
  const url = resolve(target, location)
  if (!url) return false
  if (url.href !== location.href) location.assign(url)
  return true
}

/** The address that the target means on this page, undefined when it lies elsewhere. */
export function resolve(target: string, here: { origin: string; pathname: string }): URL | undefined {
  if (/^https?:/i.test(target)) return own(target, here.origin)
  const path = here.pathname.split('/').filter(Boolean)
  let rest = target
  for (; /^\.\.(\/|$)/.test(rest); rest = rest.slice(3)) path.pop()
  const base = rest !== target || target.startsWith('/') ? path : []
  return own(`${here.origin}/${[...base, rest.replace(/^[/\\]+/, '')].filter(Boolean).join('/')}`, here.origin)
}

function own(href: string, origin: string): URL | undefined {
  const url = URL.canParse(href) ? new URL(href) : undefined
  return url?.origin === origin ? url : undefined
}
