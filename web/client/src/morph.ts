import { Idiomorph } from 'idiomorph'

import { setting } from './dom'
import { carry } from './show'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** Regions that were filled from their own data-cue-src: the page around them no longer knows their content. */
export const filled = new WeakSet<Element>()

/** Renews the element itself: its attributes and its content become those of fresh, but for what the user owns. */
export function morphElement(element: Element, fresh: Element): void {
  morph(element, fresh, 'outerHTML')
}

/** Renews the content of the element and leaves its own attributes alone. */
export function morphContent(element: Element, fresh: ParentNode & Node): void {
  morph(element, fresh, 'innerHTML')
}

function morph(region: Element, source: ParentNode & Node, morphStyle: 'innerHTML' | 'outerHTML'): void {
  const fresh = source.cloneNode(true) as ParentNode & Node
  const unpin = pin(region, fresh)
  try {
    Idiomorph.morph(region, morphStyle === 'outerHTML' ? fresh : [...fresh.childNodes], {
      morphStyle,
      callbacks: {
        beforeNodeMorphed: (old, now) => !isElement(old) || !keeps(region, old, now),
        beforeNodeRemoved: (old) => !isElement(old) || !stays(old),
        beforeAttributeUpdated: (name, old) => !ownsAttribute(region, name, old),
      },
    })
  } finally {
    unpin()
  }
}

// The user owns what he changed: nothing of the page's replaces it.
function keeps(region: Element, old: Element, fresh: Node): boolean {
  if (old.hasAttribute('data-cue-keep')) return true
  if (old !== region && setting(old, 'src') !== null && filled.has(old)) return true
  if (old !== region && isElement(fresh)) carry(old, fresh)
  return !overwritten(old) && (hasFocus(old) || isDirty(old))
}

function stays(old: Element): boolean {
  if (old.hasAttribute('data-cue-keep')) return true
  const active = document.activeElement
  return active !== null && hasFocus(active) && old.contains(active) && !overwritten(active)
}

function ownsAttribute(region: Element, name: string, old: Element): boolean {
  // How the region is renewed is its own matter: the answer of another address knows nothing of it.
  if (old === region && (/^(aria-busy|data-cue-.*)$/.test(name) || old.localName === 'cue-refresh')) return true
  return name === 'open' && /^(details|dialog)$/i.test(old.tagName) && !overwritten(old)
}

function overwritten(element: Element): boolean {
  return element.closest('[data-cue-overwrite]') !== null
}

function hasFocus(element: Element): boolean {
  return element === document.activeElement && (isControl(element) || (element as HTMLElement).isContentEditable)
}

function isDirty(element: Element): boolean {
  if (!isControl(element)) return false
  if (element instanceof HTMLSelectElement) return isDirtySelect(element)
  if (element.type === 'checkbox' || element.type === 'radio') {
    const box = element as HTMLInputElement
    return box.checked !== box.defaultChecked
  }
  if (element.value === element.defaultValue) return false
  // Some types rewrite their default (a range without one reads 50): compare with what the browser makes of it.
  const pristine = element.cloneNode(true) as typeof element
  if (pristine.type !== 'file') pristine.value = element.defaultValue
  return element.type === 'file' || element.value !== pristine.value
}

function isDirtySelect(select: HTMLSelectElement): boolean {
  const options = [...select.options]
  if (select.multiple) return options.some((option) => option.selected !== option.defaultSelected)
  let pristine = options.findLastIndex((option) => option.defaultSelected)
  // Without a marked option a drop-down shows its first choice; that is nobody's change.
  if (pristine < 0 && select.size <= 1) pristine = options.findIndex((option) => !option.disabled)
  return select.selectedIndex !== pristine
}

// Nodes are matched by id. Kept elements and the user's controls often have none, so while the morph lasts they get
// one, together with their counterpart: else a new sibling in front of them could take their place.
function pin(region: Element, fresh: ParentNode): () => void {
  const pinned: Element[] = []
  const pair = (old: Element | undefined, now: Element | undefined) => {
    if (!old || !now || old.tagName !== now.tagName) return
    old.id = now.id = `cue-pin-${pinned.length}`
    pinned.push(old, now)
  }
  const kept = '[data-cue-keep]:not([id])'
  const freshKept = [...fresh.querySelectorAll(kept)]
  region.querySelectorAll(kept).forEach((old, i) => pair(old, freshKept[i]))

  for (const old of region.querySelectorAll<Control>(':is(input,textarea,select)[name]:not([id])')) {
    if (!hasFocus(old) && !isDirty(old)) continue
    const same = (root: ParentNode) =>
      [...root.querySelectorAll<Control>(`${old.localName}[name="${CSS.escape(old.name)}"]:not([id])`)].filter(
        (other) => !/^(radio|checkbox)$/.test(old.type) || other.getAttribute('value') === old.getAttribute('value'),
      )
    const [only, ...others] = same(fresh)
    if (others.length === 0 && same(region).length === 1) pair(old, only)
  }
  return () => pinned.forEach((element) => element.removeAttribute('id'))
}

function isElement(node: Node): node is Element {
  return node.nodeType === Node.ELEMENT_NODE
}

function isControl(element: Element): element is Control {
  return /^(input|textarea|select)$/i.test(element.tagName)
}
