import { ActionIcon, Anchor, Checkbox, Group, NativeSelect, Paper, Popover, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { ArrowDown, ArrowUp, Trash2 } from 'lucide-react'
import { Link } from 'wouter'

import type { Field, FieldType, FieldUse, Structure, Value } from '../api/types'
import { t } from '../i18n'
import { isIndexed } from './fields'

/** A field as it is edited, beside what it was. */
export type Draft = { key: string; was: Field | undefined; field: Field & { defaultText: string } }

let keys = 0

const types: FieldType[] = ['string', 'number', 'decimal', 'boolean', 'date', 'json', 'link', 'links']

export const blank = (): Draft => ({ key: `new ${keys++}`, was: undefined, field: { id: '', type: 'string', defaultText: '' } })

export const draftsOf = (s: Structure): Draft[] => s.fields.map((f) => ({ key: f.id, was: f, field: { ...f, defaultText: f.default === undefined ? '' : typeof f.default === 'string' ? f.default : JSON.stringify(f.default) } }))

/** The field as the structure's document has it; what does not belong to its type is left out. */
export function documentOf({ was, field }: Draft): Field {
  const { defaultText, ...f } = field
  const out: Field = { id: f.id, type: f.type }
  if (f.name) out.name = f.name
  if (f.required) out.required = true
  if (f.unique) out.unique = true
  if (f.indexed !== undefined) out.indexed = f.indexed
  if (f.type === 'string' && f.options?.length) out.options = f.options
  if ((f.type === 'link' || f.type === 'links') && f.structure) out.structure = f.structure
  if (f.type === 'string' && f.auto) out.auto = f.auto
  const same = was && was.default !== undefined && (typeof was.default === 'string' ? was.default : JSON.stringify(was.default)) === defaultText
  if (same && was.default !== undefined) out.default = was.default
  else if (defaultText !== '') out.default = readDefault(f.type, defaultText)
  return out
}

/** A typed default: a value of the type where it reads as one, else a text, which the server judges: it may be a template. */
function readDefault(type: FieldType, text: string): Value {
  if (type === 'string' || type === 'decimal' || type === 'date' || type === 'link') return text
  try {
    return JSON.parse(text) as Value
  } catch {
    return text
  }
}

const toID = (name: string): string => name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+|_+$/g, '').slice(0, 63)

export function FieldRow({ app, draft, place, last, structures, uses, errorOf, put, move, remove }: {
  app: string
  draft: Draft
  place: number
  last: boolean
  structures: string[]
  uses: FieldUse[]
  errorOf: (path: string) => string | undefined
  put: (field: Draft['field']) => void
  move: (by: number) => void
  remove: () => void
}) {
  const { field: f, was } = draft
  const said = f.name || f.id || t('structure.newField', { n: place + 1 })
  const set = (change: Partial<Draft['field']>) => put({ ...f, ...change })
  const isLink = f.type === 'link' || f.type === 'links'
  return (
    <Paper withBorder p="sm" role="group" aria-label={said}>
      <Stack gap="xs">
        <Group align="flex-start" gap="xs">
          <TextInput size="xs" className="grow" label={t('structure.fieldName')} value={f.name ?? ''} error={errorOf('name')} onChange={(e) => set({ name: e.currentTarget.value, ...(!was && (f.id === '' || f.id === toID(f.name ?? '')) ? { id: toID(e.currentTarget.value) } : {}) })} />
          <TextInput size="xs" className="grow" label={t('structure.fieldId')} required readOnly={was !== undefined} value={f.id} error={errorOf('id')} onChange={(e) => set({ id: e.currentTarget.value })} />
          <NativeSelect size="xs" w={150} label={t('structure.type')} value={f.type} error={errorOf('type')} data={types.map((type) => ({ value: type, label: t(`type.${type}`) }))} onChange={(e) => set({ type: e.currentTarget.value as FieldType })} />
          {isLink ? <NativeSelect size="xs" w={150} label={t('structure.target')} required value={f.structure ?? ''} error={errorOf('structure')} data={['', ...structures]} onChange={(e) => set({ structure: e.currentTarget.value })} /> : null}
          <TextInput size="xs" w={150} label={t('structure.default')} value={f.defaultText} error={errorOf('default')} onChange={(e) => set({ defaultText: e.currentTarget.value })} />
          <Group gap={4} mt={24} wrap="nowrap">
            <ActionIcon variant="subtle" disabled={place === 0} aria-label={`${t('builder.up')}: ${said}`} onClick={() => move(-1)}><ArrowUp size={16} /></ActionIcon>
            <ActionIcon variant="subtle" disabled={last} aria-label={`${t('builder.down')}: ${said}`} onClick={() => move(1)}><ArrowDown size={16} /></ActionIcon>
            <ActionIcon variant="subtle" color="red" aria-label={`${t('builder.delete')}: ${said}`} onClick={remove}><Trash2 size={16} /></ActionIcon>
          </Group>
        </Group>
        {f.type === 'string' ? (
          <Group align="flex-start" gap="xs">
            <TagsInput size="xs" className="grow" label={t('structure.options')} placeholder={f.options?.length ? '' : t('structure.options.why')} value={f.options ?? []} error={errorOf('options')} onChange={(options) => set({ options })} />
            <TextInput size="xs" w={220} label={t('structure.auto')} placeholder="ORD-{0000}" value={f.auto ?? ''} error={errorOf('auto')} onChange={(e) => set({ auto: e.currentTarget.value })} />
          </Group>
        ) : null}
        <Group gap="md">
          <Checkbox size="xs" label={t('structure.required')} checked={f.required ?? false} onChange={(e) => set({ required: e.currentTarget.checked })} />
          <Checkbox size="xs" label={t('structure.unique')} checked={f.unique ?? false} onChange={(e) => set({ unique: e.currentTarget.checked })} />
          <Checkbox size="xs" label={t('structure.indexed')} checked={isIndexed(f)} disabled={f.unique ?? false} onChange={(e) => set({ indexed: e.currentTarget.checked })} />
          {was ? <Used app={app} uses={uses} field={said} /> : null}
          {was && was.type !== f.type ? <Text size="xs">{t('structure.was', { type: t(`type.${was.type}`) })}</Text> : null}
        </Group>
      </Stack>
    </Paper>
  )
}

/** How many scenarios name the field, and which. */
function Used({ app, uses, field }: { app: string; uses: FieldUse[]; field: string }) {
  if (uses.length === 0) return <Text size="xs">{t('structure.unused')}</Text>
  return (
    <Popover position="bottom-start" trapFocus returnFocus withArrow>
      <Popover.Target><Anchor component="button" type="button" size="xs" aria-label={`${t('structure.usedBy', { n: uses.length })}: ${field}`}>{t('structure.usedBy', { n: uses.length })}</Anchor></Popover.Target>
      <Popover.Dropdown>
        <Stack gap={4}>{uses.map((u) => <Anchor key={u.scenario} size="sm" component={Link} href={`/a/${encodeURIComponent(app)}/scenarios/${u.scenario}`}>{u.name || u.scenario}{u.published ? '' : ` (${t('structure.inDraft')})`}</Anchor>)}</Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
