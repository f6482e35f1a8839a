import { Text, TextInput, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import type { Asked, Focused } from '../form/asking'
import { t } from '../i18n'

/** All that can be named in the field that was focused last, with the values of the sample; a click puts a name into the field. */
export function Available({ field, ask, sample, open }: { field: Focused; ask: (path: string, text: string, pos: number) => Promise<Asked>; sample: string; open: boolean }) {
  const [find, setFind] = useState('')
  const names = useQuery({
    queryKey: ['available', field.path, sample],
    staleTime: 2000,
    gcTime: 10_000,
    queryFn: () => (field.form === 'expression' ? ask(field.path, '', 0) : ask(field.path, '{{ ', 3)),
  })
  const all = (names.data?.items ?? []).filter((i) => !i.insert.includes('()') && (i.label.includes('.') || i.type !== 'a map'))
  const items = all.filter((i) => `${i.label} ${JSON.stringify(i.example)}`.toLowerCase().includes(find.toLowerCase()))
  return (
    <details className="available" open={open}>
      <summary><Text span size="sm" fw={600}>{t('words.available', { field: field.label })}</Text></summary>
      <TextInput size="xs" my={6} aria-label={t('words.find')} placeholder={t('words.find')} value={find} onChange={(e) => setFind(e.currentTarget.value)} />
      <ul>
        {items.map((i) => (
          <li key={i.label}>
            <UnstyledButton onClick={() => field.insert(i.label)}>
              <span>{i.label}</span>
              <span className="available-value">{i.example === null ? i.type : JSON.stringify(i.example)}</span>
            </UnstyledButton>
          </li>
        ))}
      </ul>
      {items.length === 0 && names.isSuccess ? <Text size="sm">{t('words.nothing')}</Text> : null}
    </details>
  )
}
