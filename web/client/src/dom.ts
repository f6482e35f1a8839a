const selector = '[data-cue-on],cue-refresh[on]'

/** Dispatches `cuelight:<name>` on target. Returns false when a listener cancelled it. */
export function emit(target: EventTarget, name: string, detail: object, cancelable = false): boolean {
  return target.dispatchEvent(new CustomEvent(`cuelight:${name}`, { detail, cancelable, bubbles: true }))
}

/** Every element that the Refresher renews, in document order. Asked anew each time, so elements added later count. */
export function regions(root: ParentNode = document): Element[] {
  return [...root.querySelectorAll(selector)]
}

/** The region that the element is or lies in. */
export function regionAround(element: Element): Element | null {
  return element.closest(selector)
}

/** The element's `data-cue-<name>`, or on a `<cue-refresh>` its plain `<name>`. */
export function setting(element: Element, name: string): string | null {
  const value = element.getAttribute(`data-cue-${name}`)
  return value ?? (element.localName === 'cue-refresh' ? element.getAttribute(name) : null)
}

/** A setting as milliseconds; it may be written with its unit: `500`, `500ms`, `2s`, `1m`. */
export function duration(element: Element, name: string, otherwise: number): number {
  const [, number, unit] = /^\s*([\d.]+)\s*(ms|s|m)?\s*$/.exec(setting(element, name) ?? '') ?? []
  const value = Number(number) * (unit === 's' ? 1000 : unit === 'm' ? 60_000 : 1)
  return value >= 0 ? value : otherwise
}

/** How long the element waits for further events before it is renewed. */
export function debounceOf(element: Element): number {
  return duration(element, 'debounce', 60)
}

/** The event names that the elements of this page ask for. */
export function names(): string[] {
  return [...new Set(regions().flatMap((region) => (setting(region, 'on') ?? '').split(/\s+/)))]
}

/** Tells whether the element asked for this event, by name or by `*`. */
export function listens(element: Element, event: string): boolean {
  const names = (setting(element, 'on') ?? '').split(/\s+/)
  return names.includes(event) || names.includes('*')
}

/** The address that holds the element's newest content: its `data-cue-src`, else the page. Empty: it fetches none. */
export function addressOf(element: Element): string {
  if (setting(element, 'swap') === 'none') return ''
  const url = new URL(setting(element, 'src') ?? location.href, document.baseURI)
  url.hash = ''
  return url.href
}
