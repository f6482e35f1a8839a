// What the page said before a message was shown: only a page that says something else may replace the message.
const before = new WeakMap<Element, string>()

/** Shows the message, or what lies at the dotted path of data-cue-text in it. A path that leads nowhere changes nothing. */
export function showText(element: Element, message: unknown): void {
  const path = element.getAttribute('data-cue-text') ?? ''
  let value = message
  for (const key of path.split('.').filter(Boolean)) {
    value = typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined
  }
  if (value === undefined) return
  if (!before.has(element)) before.set(element, element.textContent ?? '')
  element.textContent = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
}

/** Tells whether the shown message is newer than what a refreshed page says in its place. */
export function showsNewer(element: Element, fresh: Node): boolean {
  if (before.get(element) === fresh.textContent) return true
  before.delete(element)
  return false
}
