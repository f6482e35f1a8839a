import { setting } from './dom'
import { type Content, RefreshError } from './load'
import { filled, morphContent, morphElement } from './morph'

/** Renews the region from what its address holds, in the way of its `data-cue-swap`. A known cause is an event's name. */
export function place(region: Element, content: Content, cause: string): void {
  const fresh = find(region, content)
  const mode = setting(region, 'swap') ?? 'morph'
  if (mode === 'append' || mode === 'prepend') add(region, partsOf(fresh), mode, cause)
  else if (mode === 'replace') replace(region, partsOf(fresh))
  else if (fresh instanceof Element && isCounterpart(region, fresh)) morphElement(region, fresh)
  else morphContent(region, fresh)
  filled.add(region)
}

function find(region: Element, content: Content): Element | DocumentFragment {
  const select = setting(region, 'select')
  const ownAddress = setting(region, 'src') !== null
  let fresh: Element | null
  if (select) fresh = content.querySelector(select)
  else if (region.id) fresh = content.querySelector(`#${CSS.escape(region.id)}`)
  else fresh = ownAddress ? null : samePlace(region, content)
  if (fresh) return fresh
  if (ownAddress && !select) return content instanceof Document ? content.body : content
  const wanted = select ?? (region.id ? `#${region.id}` : 'such region (give it an id)')
  throw new RefreshError('not_found', `the answer has no ${wanted}`)
}

// A region without an id is found on its page by its place among regions alike, as long as there are equally many.
function samePlace(region: Element, content: Content): Element | null {
  const on = region.hasAttribute('data-cue-on') ? 'data-cue-on' : 'on'
  const alike = `${region.localName}[${on}="${CSS.escape(region.getAttribute(on) ?? '')}"]:not([id])`
  const here = [...document.querySelectorAll(alike)]
  const there = content.querySelectorAll(alike)
  return here.length === there.length ? (there[here.indexOf(region)] ?? null) : null
}

function isCounterpart(region: Element, fresh: Element): boolean {
  return fresh.tagName === region.tagName && fresh.id === region.id && (region.id !== '' || !setting(region, 'select'))
}

// Several regions may take from one answer, so each takes copies.
function partsOf(source: Element | DocumentFragment): DocumentFragment {
  const parts = document.createDocumentFragment()
  for (const node of source.childNodes) parts.append(document.importNode(node, true))
  return parts
}

function replace(region: Element, parts: DocumentFragment): void {
  const kept = '[data-cue-keep]'
  const freshKept = [...parts.querySelectorAll(kept)]
  region.querySelectorAll(kept).forEach((old, i) => {
    const twin = old.id ? parts.querySelector(`#${CSS.escape(old.id)}`) : freshKept[i]
    if (twin) twin.replaceWith(old)
    else parts.append(old)
  })
  region.replaceChildren(parts)
}

// What is there already, by its id, is renewed in its place. Without an event nobody knows what is new: then only what
// has an id may come in, else every reconnect would add everything again.
function add(region: Element, parts: DocumentFragment, mode: 'append' | 'prepend', cause: string): void {
  for (const node of [...parts.childNodes]) {
    const id = node instanceof Element ? node.id : ''
    const same = id ? region.querySelector(`#${CSS.escape(id)}`) : null
    if (same) morphElement(same, node as Element)
    if (same || (!id && (!cause || !node.textContent?.trim()))) node.remove()
  }
  region[mode](parts)
}
