import { Badge, Group, Paper, Stack, Table, Text } from '@mantine/core'

import type { Difference, FieldDifference, StepDifference, Value } from '../api/types'
import { t } from '../i18n'
import type { Kinds } from '../model/yaml-write'
import { titleOf } from './say'

const marks = { added: '+', removed: '−', changed: '~', moved: '↕' } as const
const colors = { added: 'green', removed: 'red', changed: 'yellow', moved: 'blue' } as const

/** How two documents differ: a card for each step that does, with a table of its settings, old and new. */
export function DifferenceView({ difference, kinds }: { difference: Difference; kinds: Kinds }) {
  const { items, settings, triggers } = difference
  if (items.length + settings.length + triggers.length === 0) return <Text size="sm">{t('versions.same')}</Text>
  const cards: { list: StepDifference[]; of: 'step' | 'trigger' }[] = [{ list: triggers, of: 'trigger' }, { list: items, of: 'step' }]
  return (
    <Stack gap="sm">
      {settings.length > 0 ? <Paper withBorder p="sm" className="differs" data-change="changed"><Text fw={600}>{t('versions.settings')}</Text><Fields fields={settings} what={t('versions.settings')} /></Paper> : null}
      {cards.flatMap(({ list, of }) => list.map((d) => {
        // The card says its kind already.
        const fields = d.change === 'changed' ? d.fields : d.fields.filter((f) => f.path !== 'kind')
        const title = titleOf(d, kinds.get(`${of}:${d.kind}`))
        return (
          <Paper key={of + d.step} withBorder p="sm" className="differs" data-change={d.change} component="section" aria-label={`${t(`versions.${d.change}`)}: ${title}`}>
            <Group gap="xs">
              <Text fw={700} aria-hidden>{marks[d.change]}</Text>
              <Text fw={600}>{title}</Text>
              <Badge variant="light" color={colors[d.change]} className="status">{t(`versions.${d.change}`)}{d.moved && d.change === 'changed' ? `, ${t('versions.moved')}` : ''}</Badge>
              <Text size="sm" className="preview">{d.path}</Text>
            </Group>
            {fields.length > 0 ? <Fields fields={fields} what={title} /> : null}
          </Paper>
        )
      }))}
    </Stack>
  )
}

function Fields({ fields, what }: { fields: FieldDifference[]; what: string }) {
  return (
    <div className="grid-wrap">
      <Table aria-label={what} verticalSpacing={4}>
        <Table.Thead><Table.Tr><Table.Th>{t('versions.field')}</Table.Th><Table.Th>{t('versions.old')}</Table.Th><Table.Th>{t('versions.new')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {fields.map((f) => (
            <Table.Tr key={f.path}><Table.Td className="preview">{f.path}</Table.Td><Table.Td><Side value={f.before} was /></Table.Td><Table.Td><Side value={f.after} /></Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function Side({ value, was }: { value: Value | undefined; was?: true }) {
  if (value === undefined) return <span>{t('none')}</span>
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return was ? <del className="preview">{text}</del> : <ins className="preview">{text}</ins>
}

const longNote = 120

/** A difference in a line, as a note for a version: "+ Send PUSH-message, ~ Condition". */
export function inShort({ items, settings, triggers }: Difference, kinds: Kinds): string {
  const all = [
    ...triggers.map((d) => `${marks[d.change]} ${titleOf(d, kinds.get(`trigger:${d.kind}`))}`),
    ...items.map((d) => `${marks[d.change]} ${titleOf(d, kinds.get(`step:${d.kind}`))}`),
    ...(settings.length > 0 ? [`~ ${t('versions.settings')}`] : []),
  ]
  const line = [...new Set(all)].join(', ')
  return line.length > longNote ? `${line.slice(0, longNote)}…` : line
}
