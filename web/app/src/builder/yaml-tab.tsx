import { Alert, Stack, Text, UnstyledButton } from '@mantine/core'
import { useLayoutEffect, useMemo, useRef, useState } from 'react'

import { t } from '../i18n'
import { lineOf, readScenario } from '../model/yaml-read'
import { type Kinds, writeScenario } from '../model/yaml-write'
import type { Editor } from './draft'
import type { Unread } from './unread'

/** The document as YAML. It may be left while it is not readable: the canvas then shows the last readable one. */
export function YamlTab({ editor, kinds, selected, unread, setUnread }: { editor: Editor; kinds: Kinds; selected: string | undefined; unread: Unread | undefined; setUnread: (unread: Unread | undefined) => void }) {
  const [text, setText] = useState(() => unread?.text ?? writeScenario(editor.doc, kinds))
  const [typed, setTyped] = useState(editor.doc)
  const read = useMemo(() => readScenario(text), [text])
  const area = useRef<HTMLTextAreaElement>(null)
  // An undo, or a document from elsewhere, is shown; what is being typed stays as it is typed.
  if (editor.doc !== typed && !unread) {
    setTyped(editor.doc)
    setText(writeScenario(editor.doc, kinds))
  }
  const change = (next: string) => {
    setText(next)
    const now = readScenario(next)
    if (now.wrong) return setUnread({ text: next, ...now.wrong })
    setUnread(undefined)
    setTyped(now.doc)
    editor.edit(now.doc, 'document')
  }
  const lines = read.wrong ? undefined : read.lines
  const marks = useMemo(() => {
    const at = new Map<number, string>()
    if (read.wrong) at.set(read.wrong.line, read.wrong.message)
    else for (const p of editor.problems) at.set(lineOf(read.lines, p.path), p.message)
    return at
  }, [read, editor.problems])
  const all = text.split('\n')
  const part = lines && selected ? span(lines, selected, all) : undefined
  const go = (line: number) => {
    const start = all.slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0)
    area.current?.focus({ preventScroll: true })
    area.current?.setSelectionRange(start, start + (all[line - 1]?.length ?? 0))
    document.querySelector(`[data-line="${line}"]`)?.scrollIntoView({ block: 'center' })
  }
  const first = part?.from
  useLayoutEffect(() => {
    if (first !== undefined) document.querySelector(`[data-line="${first}"]`)?.scrollIntoView({ block: 'center' })
  }, [first])
  return (
    <Stack gap="xs">
      {read.wrong ? <Alert color="yellow" role="status" p="xs">{t('yaml.wrong', { line: read.wrong.line, why: read.wrong.message })}</Alert> : null}
      {!read.wrong && marks.size > 0 ? (
        <Stack gap={2} role="list" aria-label={t('builder.problems', { n: editor.problems.length })}>
          {[...marks].sort((a, b) => a[0] - b[0]).map(([line, message]) => <div role="listitem" key={line}><UnstyledButton className="yaml-problem" onClick={() => go(line)}><Text size="sm">{t('yaml.line', { line })}: {message}</Text></UnstyledButton></div>)}
        </Stack>
      ) : null}
      <div className="yaml">
        <div className="yaml-lines" aria-hidden>
          {all.map((_, i) => {
            const chosen = part !== undefined && i + 1 >= part.from && i + 1 <= part.to
            // biome-ignore lint/suspicious/noArrayIndexKey: a line has nothing but its number
            return <div key={i} data-line={i + 1} data-chosen={chosen} data-wrong={marks.has(i + 1)} title={marks.get(i + 1)}>{i + 1}</div>
          })}
        </div>
        <textarea ref={area} aria-label={t('builder.yaml')} spellCheck={false} wrap="off" rows={Math.max(12, all.length + 1)} value={text} onChange={(e) => change(e.currentTarget.value)} onKeyDown={indent(change)} />
      </div>
    </Stack>
  )
}

/** The lines of a step: from its first to the last one that is further to the right. */
function span(lines: Map<string, number>, address: string, all: string[]): { from: number; to: number } | undefined {
  const from = lines.get(address)
  if (from === undefined) return undefined
  const column = (line: string): number => /^[\s-]*/.exec(line)?.[0].length ?? 0
  const own = column(all[from - 1] ?? '')
  let to = from
  while (to < all.length && all[to]?.trim() !== '' && column(all[to] ?? '') >= own && !new RegExp(`^\\s{${Math.max(0, own - 2)}}- `).test(all[to] ?? '')) to++
  return { from, to }
}

/** Enter goes on at the column of the line; the rest of the keys is the browser's, and Tab leads out. */
const indent = (change: (text: string) => void) => (e: React.KeyboardEvent<HTMLTextAreaElement>) => {
  if (e.key !== 'Enter' || e.ctrlKey || e.metaKey || e.shiftKey) return
  const area = e.currentTarget
  const before = area.value.slice(0, area.selectionStart)
  const blanks = /(?:^|\n)( *)[^\n]*$/.exec(before)?.[1] ?? ''
  if (blanks === '') return
  e.preventDefault()
  // As typed, so that the field's own undo knows it.
  if (!document.execCommand('insertText', false, `\n${blanks}`)) change(`${before}\n${blanks}${area.value.slice(area.selectionEnd)}`)
}
