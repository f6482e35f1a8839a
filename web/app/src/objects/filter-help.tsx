import { ActionIcon, Code, Popover, Stack, Text } from '@mantine/core'
import { CircleHelp } from 'lucide-react'

import type { Field, Structure } from '../api/types'
import { t } from '../i18n'
import { isIndexed } from './fields'

const example = (f: Field): string => {
  switch (f.type) {
    case 'number': return `${f.id} > 10`
    case 'decimal': return `${f.id} >= 12.50`
    case 'boolean': return `${f.id} = true`
    case 'date': return `${f.id} >= "2026-01-31"`
    case 'links': return `${f.id} = "an-id"`
    default: return `${f.id} = "${f.options?.[0] ?? '…'}"`
  }
}

/** How a filter is written, with this structure's own fields. */
export function FilterHelp({ structure }: { structure: Structure }) {
  return (
    <Popover position="bottom-end" width={340} trapFocus returnFocus withArrow>
      <Popover.Target><ActionIcon variant="default" size={36} aria-label={t('objects.filter.help')}><CircleHelp size={16} /></ActionIcon></Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs" tabIndex={0} data-autofocus>
          <Text size="sm">{t('objects.filter.how')}</Text>
          <Code block>{'= != < <= > >=\nin ("a", "b")\nlike "Ann%"\nis null, is not null\nAND OR NOT ( )'}</Code>
          <Text size="sm">{t('objects.filter.fast')}</Text>
          <Code block>{structure.fields.filter(isIndexed).map(example).join('\n') || 'created_at > "2026-01-31"'}</Code>
          <Text size="sm">{t('objects.filter.slow')}</Text>
          <Code block>{structure.fields.filter((f) => !isIndexed(f) && f.type !== 'json').map(example).join('\n') || t('none')}</Code>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
