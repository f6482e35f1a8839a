import { NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'

import { ApiError } from '../api/client'
import type { Field, Thing, Value } from '../api/types'
import { t } from '../i18n'

const shown = (value: Value | undefined): string =>
  value === null || value === undefined ? '' : typeof value === 'string' ? value : typeof value === 'boolean' ? t(value ? 'objects.yes' : 'objects.no') : JSON.stringify(value)

/** What a typed text is as a value of a field's type; the server judges the rest. It fails with SyntaxError. */
export function readValue(field: Field, text: string): Value {
  if (text === '') return null
  switch (field.type) {
    case 'number': return JSON.parse(text) as Value
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new SyntaxError(`${text}: true | false`)
      return text === 'true'
    case 'json': return JSON.parse(text) as Value
    case 'links': return text.split(',').map((id) => id.trim()).filter(Boolean)
    default: return text
  }
}

/** A value in the grid: a button that becomes a field. Enter or leaving saves, Escape leaves it as it was. Without save it is only shown. */
export function Cell({ field, object, save }: { field: Field; object: Thing; save: ((value: Value) => Promise<void>) | undefined }) {
  const [draft, setDraft] = useState<string>()
  const [wrong, setWrong] = useState<string>()
  const value = object[field.id]
  const text = Array.isArray(value) && field.type === 'links' ? value.join(', ') : typeof value === 'boolean' ? String(value) : shown(value)
  const label = t('objects.edit', { field: field.name || field.id, object: object.id, value: (field.type === 'boolean' ? shown(value) : text) || t('none') })
  if (!save) return <span className="cell-shown">{(field.type === 'boolean' ? shown(value) : text) || t('none')}</span>
  if (draft === undefined) {
    return <button type="button" className="cell" aria-label={label} onClick={() => setDraft(text)}>{(field.type === 'boolean' ? shown(value) : text) || t('none')}</button>
  }
  const done = () => {
    setDraft(undefined)
    setWrong(undefined)
  }
  const keep = async (next: string) => {
    if (next === text) return done()
    try {
      await save(readValue(field, next))
      done()
    } catch (error) {
      setWrong(error instanceof ApiError ? (error.field(field.id) ?? error.message) : String(error))
    }
  }
  const keys = (e: React.KeyboardEvent) => {
    if (e.key === 'Escape') done()
    if (e.key === 'Enter') void keep(draft)
  }
  const options = field.type === 'boolean' ? ['true', 'false'] : field.options
  if (options) {
    return (
      <NativeSelect
        size="xs" autoFocus aria-label={label} value={draft} error={wrong} onKeyDown={keys} onBlur={done}
        data={[{ value: '', label: t('none') }, ...options.map((o) => ({ value: o, label: field.type === 'boolean' ? t(o === 'true' ? 'objects.yes' : 'objects.no') : o }))]}
        onChange={(e) => { setDraft(e.currentTarget.value); void keep(e.currentTarget.value) }}
      />
    )
  }
  return <TextInput size="xs" autoFocus aria-label={label} value={draft} error={wrong} onKeyDown={keys} onBlur={() => void keep(draft)} onChange={(e) => setDraft(e.currentTarget.value)} />
}
