import { Button, Checkbox, Popover, ScrollArea, Stack, Text } from '@mantine/core'
import { Columns3 } from 'lucide-react'
import { useState } from 'react'

import type { Structure } from '../api/types'
import { t } from '../i18n'
import { builtIn, keep, kept } from './fields'

/** The columns that a grid shows; what somebody chose for a structure stays on their machine. */
export function useColumns(app: string, structure: Structure) {
  const key = `cuelight.columns.${app}.${structure.id}`
  const [hidden, setHidden] = useState<string[]>(() => kept(key, [...builtIn]))
  const all = [...structure.fields.map((f) => ({ id: f.id, name: f.name || f.id })), ...builtIn.map((id) => ({ id, name: t(`built.${id}`) }))]
  const shown = all.filter((c) => !hidden.includes(c.id))
  const choose = (ids: string[]) => {
    const next = all.filter((c) => !ids.includes(c.id)).map((c) => c.id)
    setHidden(next)
    keep(key, next)
  }
  return { all, shown: shown.map((c) => c.id), choose }
}

export function ColumnChooser({ columns }: { columns: ReturnType<typeof useColumns> }) {
  return (
    <Popover position="bottom-end" trapFocus returnFocus withArrow>
      <Popover.Target><Button size="xs" variant="default" leftSection={<Columns3 size={14} />}>{t('objects.columns')}</Button></Popover.Target>
      <Popover.Dropdown>
        <ScrollArea.Autosize mah={320}>
          <Checkbox.Group value={columns.shown} onChange={columns.choose} aria-label={t('objects.columns')}>
            <Stack gap={6}>
              {columns.all.map((c) => <Checkbox key={c.id} size="sm" value={c.id} label={c.name} />)}
            </Stack>
          </Checkbox.Group>
        </ScrollArea.Autosize>
        <Text size="xs" mt="xs">{t('objects.columns.why')}</Text>
      </Popover.Dropdown>
    </Popover>
  )
}
