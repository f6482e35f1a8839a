import { acceptCompletion, autocompletion, closeCompletion, type Completion, type CompletionContext, type CompletionResult, completionKeymap, completionStatus } from '@codemirror/autocomplete'
import { history, historyKeymap, standardKeymap } from '@codemirror/commands'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { Decoration, EditorView, keymap, MatchDecorator, ViewPlugin } from '@codemirror/view'
import { useEffect, useRef } from 'react'

import type { Value } from '../api/types'
import { t } from '../i18n'
import type { Asked, Form } from './asking'

export type CodeProps = {
  /** Ids of what names and describes the field. */
  labelledBy?: string
  label?: string
  describedBy: string
  required: boolean
  invalid: boolean
  dataKey?: string | number
  form: Form
  /** What is typed is looked for among names that are in use. */
  suggests: boolean
  value: string
  onChange: (value: string) => void
  /** Whether the text that stands in the field means the value that the document has; it is then left alone. */
  means: (text: string) => boolean
  ask: (text: string, pos: number) => Promise<Asked>
  error: string | undefined
  /** Where the caret stood in the plain field that had the focus; undefined where it had none. */
  caret: number | undefined
  focused: (insert: (name: string) => void) => void
}

// The server counts characters, the editor UTF-16 units.
const characters = (text: string, units: number): number => [...text.slice(0, units)].length
const units = (text: string, chars: number): number => [...text].slice(0, chars).join('').length

const braces = new MatchDecorator({ regexp: /\{\{.*?\}\}/g, decoration: Decoration.mark({ class: 'braces' }) })
const marked = ViewPlugin.define((view) => {
  let deco = braces.createDeco(view)
  return {
    update(u) { deco = braces.updateDeco(u, deco) },
    get deco() { return deco },
  }
}, { decorations: (p) => p.deco })

/** Underlines what the server names by line and column, to the end of the word there. */
function underlined(error: string | undefined): Extension {
  const at = /(?:^|\s)(\d+):(\d+): /.exec(error ?? '')
  if (!at) return []
  return EditorView.decorations.of((view) => {
    const { doc } = view.state
    const line = Number(at[1])
    if (line > doc.lines) return Decoration.none
    const { from, to, text } = doc.line(line)
    const start = Math.min(to, from + units(text, Number(at[2]) - 1))
    const word = /^[\w.]+/.exec(doc.sliceString(start, to))
    const end = Math.min(to, start + (word?.[0].length ?? 1))
    return end > start ? Decoration.set(Decoration.mark({ class: 'mistake' }).range(start, end)) : Decoration.none
  })
}

const shown = (example: Value): string => {
  const text = typeof example === 'string' ? `"${example}"` : JSON.stringify(example)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

function option(item: Asked['items'][number], place: number): Completion {
  const call = item.insert.endsWith('()')
  return {
    label: item.label, sortText: String(place).padStart(3, '0'),
    detail: item.example === null ? item.type : `${item.type} = ${shown(item.example)}`,
    ...(item.detail ? { info: item.detail } : {}),
    apply: (view, _, from, to) => view.dispatch({ changes: { from, to, insert: item.insert }, selection: { anchor: from + item.insert.length - (call ? 1 : 0) }, userEvent: 'input.complete' }),
  }
}

/** Whether what was just typed may have something to complete: inside of {{ }}, or behind a slash. */
function wanted(before: string, form: Form): boolean {
  if (form !== 'expression' && before.lastIndexOf('{{') <= before.lastIndexOf('}}')) return form === 'filter' ? /[\w"]$/.test(before) : /(^|\s)\/[\w.]*$/.test(before)
  return /([\w."']|\{\{ ?)$/.test(before) || before === '/'
}

/** Closes the list that is open; names that are still asked for keep nobody here. */
function escape(view: EditorView): boolean {
  const open = completionStatus(view.state) === 'active'
  closeCompletion(view)
  return open
}

const theme = EditorView.theme({
  '&': { fontSize: '13px', backgroundColor: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)', border: '1px solid var(--mantine-color-default-border)', borderRadius: '4px', minHeight: '36px' },
  '&.cm-focused': { outline: '2px solid var(--mantine-color-indigo-filled)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'ui-monospace, monospace', maxHeight: '260px', lineHeight: '1.5' },
  '.cm-content': { padding: '7px 4px', caretColor: 'var(--mantine-color-text)' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '.braces': { backgroundColor: 'var(--mantine-color-indigo-light)', borderRadius: '4px' },
  '.mistake': { textDecoration: 'underline wavy var(--mantine-color-error)', textUnderlineOffset: '3px' },
  '.cm-tooltip': { backgroundColor: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)', border: '1px solid var(--mantine-color-default-border)', borderRadius: '6px', boxShadow: 'var(--mantine-shadow-md)', zIndex: '400' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'ui-monospace, monospace', maxWidth: 'min(560px, 94vw)', maxHeight: '16em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '4px 8px', display: 'flex', gap: '12px', justifyContent: 'space-between', lineHeight: '1.3' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--mantine-color-indigo-light)', color: 'var(--mantine-color-text)' },
  '.cm-completionDetail': { fontStyle: 'normal', marginLeft: '0', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', color: 'var(--mantine-color-dimmed)' },
  '.cm-completionInfo': { padding: '6px 10px', maxWidth: '280px' },
})

const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''

/** A text with names in it: it completes them, marks {{ }}, and underlines what the server complains about. */
export function CodeField(p: CodeProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const now = useRef(p)
  now.current = p
  const attributes = useRef(new Compartment())
  const errors = useRef(new Compartment())
  const described = EditorView.contentAttributes.of({
    'aria-describedby': p.describedBy, 'aria-invalid': String(p.invalid), 'aria-required': String(p.required), spellcheck: 'false', autocapitalize: 'off',
    ...(p.label ? { 'aria-label': p.label } : { 'aria-labelledby': p.labelledBy ?? '' }), ...(p.dataKey === undefined ? {} : { 'data-key': String(p.dataKey) }),
  })

  useEffect(() => {
    const source = async (context: CompletionContext): Promise<CompletionResult | null> => {
      const text = context.state.doc.toString()
      if (!context.explicit && !(now.current.suggests && text !== '') && !wanted(text.slice(0, context.pos), now.current.form)) return null
      const pos = characters(text, context.pos)
      // A slash in an empty expression asks for a name; it is no part of it.
      const asks = now.current.form === 'expression' && text === '/'
      const found = await now.current.ask(asks ? '' : text, asks ? 0 : pos).catch(() => undefined)
      if (!found || found.items.length === 0) return null
      const from = units(text, found.from)
      // All names that fit are here: what is typed next only narrows them down. Behind a slash the server does that.
      const whole = !asks && !now.current.suggests && text[from] !== '/' && found.items.length < 100
      return { from, to: asks ? 1 : units(text, found.to), filter: whole, options: found.items.map(option), ...(whole ? { validFor: /^\w*$/ } : {}) }
    }
    const made = new EditorView({
      parent: host.current as HTMLElement,
      state: EditorState.create({
        doc: now.current.value,
        selection: { anchor: Math.min(now.current.caret ?? 0, now.current.value.replaceAll('\r', '').length) },
        extensions: [
          EditorView.cspNonce.of(nonce), history(), EditorView.lineWrapping, marked, theme,
          EditorState.phrases.of({ Completions: t('words.completions') }),
          autocompletion({ override: [source], defaultKeymap: false, icons: false, maxRenderedOptions: 100, activateOnTypingDelay: 60, interactionDelay: 0 }),
          keymap.of([{ key: 'Tab', run: acceptCompletion }, { key: 'Escape', run: escape }, ...completionKeymap.filter((k) => k.key !== 'Escape'), ...historyKeymap, ...standardKeymap]),
          attributes.current.of(described), errors.current.of([]),
          EditorView.updateListener.of((u) => {
            if (u.docChanged && !u.transactions.some((r) => r.isUserEvent('outside'))) now.current.onChange(u.state.doc.toString())
            if (u.focusChanged && u.view.hasFocus) now.current.focused(insert)
          }),
        ],
      }),
    })
    const insert = (name: string) => {
      const { from, to } = made.state.selection.main
      const before = made.state.doc.sliceString(0, from)
      const inside = now.current.form === 'expression' || before.lastIndexOf('{{') > before.lastIndexOf('}}')
      const text = inside ? name : `{{ ${name} }}`
      made.dispatch({ changes: { from, to, insert: text }, selection: { anchor: from + text.length }, userEvent: 'input' })
      made.focus()
    }
    view.current = made
    if (now.current.caret !== undefined) made.focus()
    return () => made.destroy()
  }, [])

  useEffect(() => {
    const made = view.current
    if (!made || made.state.doc.toString() === p.value || (made.hasFocus && p.means(made.state.doc.toString()))) return
    made.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: p.value }, userEvent: 'outside' })
  })
  useEffect(() => {
    view.current?.dispatch({ effects: [attributes.current.reconfigure(described), errors.current.reconfigure(underlined(p.error))] })
  }, [p.error, p.invalid, p.describedBy, p.label, p.labelledBy, p.dataKey, p.required])
  return <div ref={host} className="code" />
}
