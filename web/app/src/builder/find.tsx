import { ActionIcon, Group, Text, TextInput } from '@mantine/core'
import { ChevronDown, ChevronUp, X } from 'lucide-react'
import { useMemo, useState } from 'react'

import { t } from '../i18n'
import { search } from '../model/steps'
import { type Editing, focusOn } from './editing'

/** Ctrl+F: finds steps of the scenario by name, kind, id and settings, and goes from one to the next. */
export function Find({ editing }: { editing: Editing }) {
  const [words, setWords] = useState('')
  const [n, setN] = useState(0)
  const found = useMemo(() => search(editing.doc, editing.kinds, words), [editing.doc, editing.kinds, words])
  const show = (i: number, list = found) => {
    const address = list.at(i % Math.max(1, list.length))
    setN(i)
    if (address === undefined) return
    editing.reveal(address)
  }
  const close = () => {
    editing.setFinding(false)
    if (editing.selected) focusOn(editing.selected)
  }
  const change = (next: string) => {
    setWords(next)
    show(0, search(editing.doc, editing.kinds, next))
  }
  const at = found.length === 0 ? 0 : ((n % found.length) + found.length) % found.length + 1
  return (
    <Group gap={4} mb="xs" role="search" wrap="nowrap">
      <TextInput
        size="xs" style={{ flex: 1 }} maw={320} autoFocus aria-label={t('edit.find')} placeholder={t('edit.find')} value={words} onChange={(e) => change(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === 'Escape') close()
          if (e.key === 'Enter') {
            e.preventDefault()
            show(n + (e.shiftKey ? -1 : 1))
          }
        }}
      />
      <Text size="sm" role="status">{words === '' ? '' : t('edit.found', { at, all: found.length })}</Text>
      <ActionIcon variant="subtle" aria-label={t('edit.previous')} onClick={() => show(n - 1)}><ChevronUp size={16} /></ActionIcon>
      <ActionIcon variant="subtle" aria-label={t('edit.next')} onClick={() => show(n + 1)}><ChevronDown size={16} /></ActionIcon>
      <ActionIcon variant="subtle" aria-label={t('edit.closeFind')} onClick={close}><X size={16} /></ActionIcon>
    </Group>
  )
}
