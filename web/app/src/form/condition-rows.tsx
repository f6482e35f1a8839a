import { ActionIcon, Autocomplete, Button, Group, NativeSelect, Stack, Text } from '@mantine/core'
import { Plus, X } from 'lucide-react'
import { useState } from 'react'

import type { Field } from '../api/types'
import { t } from '../i18n'
import { type Op, opsFor, readRows, type Row, type Rows, typedAs, writeRows } from '../model/condition'

const shown = (row: Row): string => /^date\("(.*)"\)$/.exec(row.value)?.[1] ?? row.value

/** A condition as rows beside its expression: what is edited in one is seen in the other, and neither throws away what the other says. */
export function ConditionRows({ label, value, fields, onChange }: { label: string; value: string; fields: Field[]; onChange: (value: string) => void }) {
  const [draft, setDraft] = useState<Rows>()
  // Rows that are not whole yet live here, as long as nobody has changed the expression itself.
  const rows = draft && writeRows(draft) === value ? draft : readRows(value)
  if (!rows) return <Text size="xs" mt={4}>{t('rows.free')}</Text>
  const put = (next: Rows) => {
    setDraft(next)
    const text = writeRows(next)
    if (text !== value) onChange(text)
  }
  const change = (i: number, part: Partial<Row>) => put({ ...rows, rows: rows.rows.map((r, j) => (j === i ? { ...r, ...part } : r)) })
  const field = (path: string): Field | undefined => fields.find((f) => path === f.id || path === `object.${f.id}` || path === `before.${f.id}`)
  const names = fields.flatMap((f) => [`object.${f.id}`])
  return (
    <Stack gap={4} mt={4} role="group" aria-label={t('rows.title', { label })}>
      {rows.rows.map((row, i) => {
        const of = field(row.path)
        const can = [...new Set([...opsFor(of?.type), row.op])]
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row has nothing but its place
          <Group key={i} gap={4} wrap="nowrap" align="flex-start">
            <Autocomplete size="xs" style={{ flex: 3, minWidth: 0 }} aria-label={t('rows.field', { n: i + 1 })} data={names} value={row.path} onChange={(path) => change(i, { path, ...typedAs(field(path)?.type, shown(row)) })} />
            <NativeSelect size="xs" style={{ flex: 2, minWidth: 0 }} aria-label={t('rows.op', { n: i + 1 })} value={row.op} data={can.map((op) => ({ value: op, label: t(`rows.${op}`) }))} onChange={(e) => change(i, { op: e.currentTarget.value as Op })} />
            {row.op === 'empty' || row.op === 'set' ? <div style={{ flex: 3 }} /> : <Autocomplete size="xs" style={{ flex: 3, minWidth: 0 }} aria-label={t('rows.value', { n: i + 1 })} data={of?.options ?? (of?.type === 'boolean' ? ['true', 'false'] : [])} value={shown(row)} onChange={(v) => change(i, row.op === 'in' ? { value: v, quoted: true } : typedAs(of?.type, v))} />}
            <ActionIcon variant="subtle" aria-label={t('rows.delete', { n: i + 1 })} onClick={() => put({ ...rows, rows: rows.rows.filter((_, j) => j !== i) })}><X size={14} /></ActionIcon>
          </Group>
        )
      })}
      <Group gap="xs">
        <Button size="compact-xs" variant="default" leftSection={<Plus size={12} />} onClick={() => put({ ...rows, rows: [...rows.rows, { path: '', op: '==', value: '', quoted: true }] })}>{t('rows.add')}</Button>
        {rows.rows.length > 1 ? <NativeSelect size="xs" aria-label={t('rows.join')} value={rows.join} data={[{ value: 'and', label: t('rows.and') }, { value: 'or', label: t('rows.or') }]} onChange={(e) => put({ ...rows, join: e.currentTarget.value as Rows['join'] })} /> : null}
      </Group>
    </Stack>
  )
}
