import { setting } from './dom'
import { asText, at } from './message'

// What an element showed before a message, and what the message made of it; the empty name is its text. Only a page
// that says something else than before may replace the message.
const shown = new WeakMap<Element, Map<string, { before: string | null; now: string | null }>>()

/** Tells whether the element shows messages. */
export function shows(element: Element): boolean {
  return setting(element, 'text') !== null || setting(element, 'attr') !== null
}

/** Shows the message, or what lies in it at the paths the element names. A path that leads nowhere changes nothing. */
export function show(element: Element, message: unknown): void {
  const text = setting(element, 'text')
  if (text !== null) put(element, '', at(message, text))
  for (const pair of (setting(element, 'attr') ?? '').split(/[\s,]+/)) {
    const [, name, path = ''] = /^(.+?)(?::([^:]*))?$/.exec(pair) ?? []
    if (name) put(element, name, at(message, path))
  }
}

/** Writes what messages have said into the page's newer version of the element, unless that says something else itself. */
export function carry(old: Element, fresh: Element): void {
  const all = shown.get(old)
  for (const [name, { before, now }] of all ?? []) {
    if (read(fresh, name) === before) write(fresh, name, now)
    else all?.delete(name)
  }
}

function put(element: Element, name: string, value: unknown): void {
  if (value === undefined) return
  let now: string | null = asText(value)
  if (name && !/^(aria|data)-/i.test(name)) {
    // An attribute that is there or not, as hidden and disabled are.
    if (value === false || value === null) now = null
    if (value === true) now = ''
  }
  if (now !== null && runs(name, now)) return
  const all = shown.get(element) ?? new Map()
  shown.set(element, all)
  all.set(name, { before: all.has(name) ? all.get(name).before : read(element, name), now })
  write(element, name, now)
}

// A message is data: no part of it may become a script, or a style that a strict page forbids.
function runs(name: string, value: string): boolean {
  return /^(on|srcdoc$|style$)/i.test(name) || (name !== '' && /^(java|vb)script:/i.test(value.replace(/[\0-\x20]/g, '')))
}

function read(element: Element, name: string): string | null {
  return name ? element.getAttribute(name) : element.textContent
}

function write(element: Element, name: string, value: string | null): void {
  if (!name) element.textContent = value
  else if (value === null) element.removeAttribute(name)
  else element.setAttribute(name, value)
}
