import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

import type { Kind, ScenarioDoc, Step } from '../api/types'
import { type Address, at, branches, freshID, insert, move, parentOf } from '../model/document'
import { above, isStep, nearest, pasteAt, type Range, rangeOf, removeRange, type Row, rows, stepsOf, turn, wrap } from '../model/steps'
import { type Kinds, writeSteps } from '../model/yaml-write'
import type { Editor } from './draft'

export type Act = 'delete' | 'duplicate' | 'up' | 'down' | 'copy' | 'cut' | 'paste' | 'turn' | 'condition' | 'for_each' | 'try'

const clip = 'cuelight.clipboard'

/** What was copied last in this browser, for where a page may not read the clipboard. */
const lastCopied = { get: (): string => localStorage.getItem(clip) ?? '', set: (text: string) => localStorage.setItem(clip, text) }

const find = (address: Address): HTMLElement | null => document.querySelector<HTMLElement>(`[data-address="${CSS.escape(address)}"]`)

/** Puts the focus on a card or line, and shows it. */
export function focusOn(address: Address): void {
  const card = find(address)
  card?.focus({ preventScroll: true })
  card?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
}

const fields = 'input:not([type=hidden]), textarea, select, button, [contenteditable=true]'

const isEmpty = (field: HTMLElement | null): boolean => field !== null && ('value' in field ? field.value : (field.querySelector('.cm-line')?.textContent ?? '')) === ''

/** Puts the focus into the field of a setting, or into the first one that a step needs. */
function focusField(name: string | undefined): void {
  const form = document.querySelector('[data-inspector]')
  const first = [...(form?.querySelectorAll<HTMLElement>('[data-field]') ?? [])]
  const empty = first.find((f) => f.dataset['needed'] === 'true' && isEmpty(f.querySelector<HTMLElement>('input, textarea, [contenteditable=true]')))
  // set.status is a line of the field set, cases[1].if one of cases.
  const [, own, key] = /^([^.[]+)(?:[.[]([^.\]]+))?/.exec(name ?? '') ?? []
  const field = name === undefined ? (empty ?? first[0]) : first.find((f) => f.dataset['field'] === own)
  const line = key === undefined ? null : field?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)
  ;(line ?? (field ?? form)?.querySelector<HTMLElement>(fields))?.focus()
}

const typing = (target: EventTarget | null): boolean => target instanceof HTMLElement && target.closest('input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]') !== null
const elsewhere = (target: EventTarget | null): boolean => target instanceof HTMLElement && target.closest('[role=dialog], [role=menu], [role=listbox]') !== null

type Wanted = { address: Address; field?: string | true }

/** What is chosen and folded, and every way to change it: by pointer, by key, by clipboard. */
export function useEditing(editor: Editor, kinds: Kinds, shown: boolean) {
  const { doc, edit } = editor
  const [chosen, setChosen] = useState<Address>()
  const [anchor, setAnchor] = useState<Address>()
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const [adding, setAdding] = useState<{ list: Address; index: number }>()
  const [finding, setFinding] = useState(false)
  const [helping, setHelping] = useState(false)
  const [panel, setPanel] = useState(false)
  const [, draw] = useState(0)
  const wanted = useRef<Wanted>(undefined)
  // After an undo what was chosen may be gone.
  const selected = drawn(doc, kinds, nearest(doc, chosen))
  const range = useMemo<Range | undefined>(() => (selected !== undefined && isStep(selected) ? rangeOf(anchor && at(doc, anchor) ? anchor : undefined, selected) : undefined), [doc, selected, anchor])

  const last = useRef(chosen)
  last.current = chosen
  const select = useCallback((address: Address | undefined, extend = false) => {
    setAnchor((old) => (extend ? (old ?? last.current) : undefined))
    setChosen(address)
  }, [])

  /** Chooses, and puts the focus there once it is drawn. */
  const go = useCallback((address: Address, field?: string | true) => {
    setAnchor(undefined)
    setChosen(address)
    setFolded((old) => unfold(doc, old, address))
    setPanel(field !== undefined)
    wanted.current = field === undefined ? { address } : { address, field }
    draw((n) => n + 1) // where nothing else changes
  }, [doc])

  /** Chooses and shows, and leaves the focus where it is. */
  const reveal = (address: Address) => {
    select(address)
    setFolded((old) => unfold(doc, old, address))
    requestAnimationFrame(() => find(address)?.scrollIntoView({ block: 'center', inline: 'nearest' }))
  }

  useEffect(() => {
    const w = wanted.current
    if (!w) return
    // What is drawn next may be drawn once more before the frame.
    requestAnimationFrame(() => {
      if (wanted.current !== w) return
      wanted.current = undefined
      focusOn(w.address)
      if (w.field) focusField(w.field === true ? undefined : w.field)
    })
  })

  const fold = useCallback((id: string) => setFolded((old) => {
    const next = new Set(old)
    if (!next.delete(id)) next.add(id)
    return next
  }), [])

  const addAt = useCallback((list: Address, index: number) => setAdding({ list, index }), [])

  const paste = useCallback(async (text: string): Promise<boolean> => {
    const { readSteps } = await import('../model/yaml-read')
    const steps = readSteps(text)
    if (steps.length === 0) return false
    const triggers = steps.every((s) => kinds.has(`trigger:${s.kind}`) && !kinds.has(`step:${s.kind}`))
    const here = selected !== undefined && selected.startsWith('triggers') === triggers ? selected : undefined
    const into = here === undefined ? (triggers ? 'triggers' : 'steps') : isStep(here) ? parentOf(here).list : here
    const index = here !== undefined && isStep(here) ? (range?.to ?? parentOf(here).index) + 1 : here === undefined ? (at<Step[]>(doc, into)?.length ?? 0) : 0
    edit(pasteAt(doc, into, index, steps))
    go(`${into}[${index}]`)
    if (steps.length > 1) setAnchor(`${into}[${index + steps.length - 1}]`)
    return true
  }, [doc, edit, go, kinds, range, selected])

  const take = useCallback((cut: boolean): string | undefined => {
    if (!range) return undefined
    const text = writeSteps(stepsOf(doc, range), kinds)
    lastCopied.set(text)
    if (cut) removeAll(range)
    return text
  }, [doc, kinds, range])

  const removeAll = (r: Range) => {
    const next = removeRange(doc, r)
    edit(next)
    const left = at<Step[]>(next, r.list)?.length ?? 0
    go(left > 0 ? `${r.list}[${Math.min(r.from, left - 1)}]` : r.list)
  }

  const act = useCallback((what: Act) => {
    if (!range || selected === undefined) {
      if (what === 'paste') void pasteFromMenu(paste)
      return
    }
    const first = `${range.list}[${range.from}]`
    switch (what) {
      case 'delete': return removeAll(range)
      case 'duplicate':
        edit(pasteAt(doc, range.list, range.to + 1, stepsOf(doc, range)))
        return go(`${range.list}[${range.to + 1}]`)
      case 'up': case 'down': {
        const moved = move(doc, selected, what === 'up' ? -1 : 1)
        edit(moved.doc)
        return go(moved.address)
      }
      // The event that this makes is answered below; so it works on pages without a right to the clipboard, too.
      case 'copy': case 'cut':
        document.getSelection()?.removeAllRanges()
        document.execCommand(what)
        return focusOn(selected)
      case 'paste': return void pasteFromMenu(paste)
      case 'turn': return edit(turn(doc, range))
      default:
        edit(wrap(doc, range, what))
        return go(first, what === 'try' ? undefined : true)
    }
  }, [doc, edit, go, paste, range, selected])

  const choose = (kind: Kind) => {
    if (!adding) return
    const fresh: Step = { id: freshID(doc, kind.kind), kind: kind.kind }
    if (kind.kind === 'push') fresh['to'] = '*'
    if (kind.kind === 'object') fresh['on'] = ['changed']
    edit(insert(doc, adding.list, adding.index, fresh))
    setAdding(undefined)
    go(`${adding.list}[${adding.index}]`, true)
  }

  const add = useCallback((where: 'after' | 'before') => {
    if (selected === undefined) return addAt('steps', doc.steps?.length ?? 0)
    if (!isStep(selected)) return addAt(selected, where === 'after' && above(selected) === undefined ? (at<Step[]>(doc, selected)?.length ?? 0) : 0)
    const { list, index } = parentOf(selected)
    return addAt(list, where === 'after' ? index + 1 : index)
  }, [addAt, doc, selected])

  const walk = (key: string, extend: boolean) => {
    const all = rows(doc, kinds, folded)
    const here = all.findIndex((r) => r.address === selected)
    const row = all[here]
    const target = row === undefined ? all.find((r) => r.step) : next(all, here, row, key)
    if (row?.step && row.open === false && key === 'ArrowRight') return fold(row.step.id)
    if (!target) return
    if (extend && row?.step && target.step) {
      select(target.address, true)
      wanted.current = { address: target.address }
      return
    }
    go(target.address)
  }

  const keys = useRef<(e: KeyboardEvent) => void>(undefined)
  keys.current = (e) => {
    const mod = e.ctrlKey || e.metaKey
    if (e.defaultPrevented || e.altKey || elsewhere(e.target)) return
    const done = (what: () => void) => {
      e.preventDefault()
      what()
    }
    if (mod && e.code === 'KeyS') return done(() => void editor.flush())
    if (!shown) return
    if (mod && e.code === 'KeyF' && !e.shiftKey) return done(() => setFinding(true))
    if (typing(e.target)) {
      if (e.key === 'Escape' && selected && (e.target as HTMLElement).closest('[data-inspector]')) done(() => focusOn(selected))
      return
    }
    if (mod) {
      const undo = e.code === 'KeyZ' && !e.shiftKey
      if (undo || e.code === 'KeyY' || (e.code === 'KeyZ' && e.shiftKey)) {
        done(undo ? editor.undo : editor.redo)
        if (selected) wanted.current = { address: selected }
      }
      if (e.code === 'KeyD' && range) done(() => act('duplicate'))
      return
    }
    if (e.key === '?') return done(() => setHelping(true))
    if (e.key === '/') return done(() => add('after'))
    if (e.key === 'Delete') return range ? done(() => act('delete')) : undefined
    if (!(e.target as HTMLElement).closest?.('[data-address]')) return
    const plain: { [key: string]: () => void } = {
      Enter: () => (selected && isStep(selected) ? go(selected, true) : add('after')),
      '-': () => foldHere(true), '+': () => foldHere(false),
    }
    if (e.code === 'KeyA') done(() => add(e.shiftKey ? 'before' : 'after'))
    else if (e.key.startsWith('Arrow') || e.key === 'Home' || e.key === 'End') done(() => walk(e.key, e.shiftKey))
    else if (plain[e.key]) done(plain[e.key] ?? (() => {}))
  }
  const foldHere = (close: boolean) => {
    const step = selected === undefined ? undefined : at<Step>(doc, selected)
    if (step && isStep(selected) && folded.has(step.id) !== close) fold(step.id)
  }

  const clipboard = useRef<(e: ClipboardEvent) => void>(undefined)
  clipboard.current = (e) => {
    if (!shown || typing(e.target) || (elsewhere(e.target) && e.type === 'paste')) return
    if (e.type === 'paste') {
      const text = e.clipboardData?.getData('text/plain') ?? ''
      e.preventDefault()
      void paste(text)
      return
    }
    if (document.getSelection()?.isCollapsed === false) return
    const text = take(e.type === 'cut')
    if (text === undefined) return
    e.preventDefault()
    e.clipboardData?.setData('text/plain', text)
  }
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => keys.current?.(e)
    const onClip = (e: ClipboardEvent) => clipboard.current?.(e)
    document.addEventListener('keydown', onKey)
    for (const type of ['copy', 'cut', 'paste'] as const) document.addEventListener(type, onClip)
    return () => {
      document.removeEventListener('keydown', onKey)
      for (const type of ['copy', 'cut', 'paste'] as const) document.removeEventListener(type, onClip)
    }
  }, [])

  return { doc, kinds, selected, range, select, reveal, go, act, add, addAt, adding, setAdding, choose, folded, fold, finding, setFinding, helping, setHelping, panel, setPanel }
}

export type Editing = ReturnType<typeof useEditing>

async function pasteFromMenu(paste: (text: string) => Promise<boolean>): Promise<void> {
  const text = await navigator.clipboard?.readText().catch(() => '')
  if (!text || !(await paste(text))) await paste(lastCopied.get())
}

/** An address that is a branch of a step which has no such branch, as after an undo, becomes that of the step. */
function drawn(doc: ScenarioDoc, kinds: Kinds, address: Address | undefined): Address | undefined {
  const owner = address === undefined || isStep(address) ? undefined : above(address)
  const step = owner === undefined ? undefined : at<Step>(doc, owner)
  if (owner === undefined || step === undefined) return address
  return branches(step, owner, kinds.get(`step:${step.kind}`)).some((b) => b.list === address) ? address : owner
}

/** Opens everything around an address. */
function unfold(doc: ScenarioDoc, folded: ReadonlySet<string>, address: Address): ReadonlySet<string> {
  const around = new Set<string>()
  for (let a = above(address); a !== undefined; a = above(a)) if (isStep(a)) around.add(at<Step>(doc, a)?.id ?? '')
  return [...around].some((id) => folded.has(id)) ? new Set([...folded].filter((id) => !around.has(id))) : folded
}

/** Where an arrow leads: up and down from step to step, left out of a branch, right into it. */
function next(all: Row[], here: number, row: Row, key: string): Row | undefined {
  switch (key) {
    case 'ArrowUp': return all.slice(0, here).findLast((r) => r.step)
    case 'ArrowDown': return all.slice(here + 1).find((r) => r.step) ?? all[here + 1]
    case 'ArrowLeft': {
      const parent = row.step ? above(row.address) : row.address
      const out = parent === undefined ? undefined : above(parent)
      return all.find((r) => r.address === (out ?? parent))
    }
    case 'ArrowRight': {
      const below = all[here + 1]
      if (!below || below.level <= row.level) return undefined
      // Into the first step of the first branch; an empty branch is chosen itself.
      const inner = all[here + 2]
      return row.step && inner?.step && inner.level > below.level ? inner : below
    }
    case 'Home': return all.find((r) => r.step)
    case 'End': return all.findLast((r) => r.step)
    default: return undefined
  }
}
