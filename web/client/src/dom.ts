/** Dispatches `cuelight:<name>` on target. Returns false when a listener cancelled it. */
export function emit(target: EventTarget, name: string, detail: object, cancelable = false): boolean {
  return target.dispatchEvent(new CustomEvent(`cuelight:${name}`, { detail, cancelable, bubbles: true }))
}

/** Every element that the Refresher renews, in document order. Asked anew each time, so elements added later count. */
export function regions(root: ParentNode = document): Element[] {
  return [...root.querySelectorAll('[data-cue-on]')]
}

/** Tells whether the element asked for this event, by name or by `*`. */
export function listens(element: Element, event: string): boolean {
  const names = (element.getAttribute('data-cue-on') ?? '').split(/\s+/)
  return names.includes(event) || names.includes('*')
}

/** Tells whether a refresh may fetch for the element. One that only shows a value of the message has nothing to fetch. */
export function fetches(element: Element): boolean {
  return !element.hasAttribute('data-cue-text') || element.hasAttribute('data-cue-src')
}

/** The address that holds the element's newest content: its `data-cue-src`, else the page itself. */
export function addressOf(element: Element): string {
  const url = new URL(element.getAttribute('data-cue-src') ?? location.href, document.baseURI)
  url.hash = ''
  return url.href
}

/** How long the element waits for further events before it is renewed, in milliseconds. */
export function debounceOf(element: Element): number {
  const value = Number(element.getAttribute('data-cue-debounce') ?? NaN)
  return value >= 0 ? value : 60
}
