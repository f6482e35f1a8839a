import { Button, Stack } from '@mantine/core'
import { type ReactNode, useState } from 'react'

import type { Field, Schema, Step } from '../api/types'
import { t } from '../i18n'
import { order } from '../model/document'
import { Widget } from './widgets'

/** What a form knows of the app it belongs to. */
export type Nouns = { structures: string[]; scenarios: string[]; fieldsOf: (structure: string | undefined) => Field[]; structure: string | undefined }

const shownAtOnce = 5

/** The settings of a step or trigger: a field for each property of its schema; lists of steps are on the canvas. */
export function SchemaForm({ schema, value, errors, hint, nouns, onChange }: {
  schema: Schema
  value: Step
  errors: (name: string) => string | undefined
  /** What a setting comes to on the sample object, in a line under its field. */
  hint: (name: string) => ReactNode
  nouns: Nouns
  onChange: (name: string, value: unknown) => void
}) {
  const [all, setAll] = useState(false)
  const names = order(schema).filter((name) => schema.properties?.[name]?.format !== 'steps')
  const needed = (name: string) => schema.required?.includes(name) || value[name] !== undefined || errors(name) !== undefined
  const first = names.filter((name, i) => i < shownAtOnce || needed(name))
  const shown = all ? names : first
  return (
    <Stack gap="sm">
      {shown.map((name) => (
        <div key={name} data-field={name} data-needed={schema.required?.includes(name) ?? false}><Widget name={name} schema={schema.properties?.[name] ?? {}} required={schema.required?.includes(name) ?? false} value={value[name]} step={value} error={errors(name)} hint={hint} nouns={nouns} onChange={(v) => onChange(name, v)} /></div>
      ))}
      {first.length < names.length ? <Button variant="subtle" size="xs" onClick={() => setAll(!all)}>{t('builder.more')} ({names.length - first.length})</Button> : null}
    </Stack>
  )
}
