import { ActionIcon, Group, Paper, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { ArrowDown, ArrowUp, Copy, Trash2 } from 'lucide-react'

import type { ReactNode } from 'react'

import type { Kind, Previewed, Step, Value } from '../api/types'
import { type Nouns, SchemaForm } from '../form/schema-form'
import { moment, t } from '../i18n'
import type { Address } from '../model/document'
import type { Problem } from './draft'

/** The settings of the chosen card. */
export function Inspector({ step, address, kind, problems, previews, sample, nouns, change, act, menu, result }: {
  step: Step | undefined
  address: Address | undefined
  kind: Kind | undefined
  problems: Problem[]
  previews: Map<string, Previewed>
  /** What the sample is called; empty where there is none. */
  sample: string
  nouns: Nouns
  change: (name: string, value: unknown) => void
  act: (what: 'delete' | 'duplicate' | 'up' | 'down') => void
  /** What else can be done with the card. */
  menu?: ReactNode
  /** What a test did at it. */
  result?: ReactNode
}) {
  if (!step || !address) return <Paper withBorder p="md"><Text size="sm">{t('builder.choose')}</Text></Paper>
  const errors = (name: string) => problems.find((p) => p.path === `${address}.${name}` || p.path.startsWith(`${address}.${name}.`) || p.path.startsWith(`${address}.${name}[`))?.message
  const buttons = [
    { what: 'up', label: t('builder.up'), icon: <ArrowUp size={16} /> },
    { what: 'down', label: t('builder.down'), icon: <ArrowDown size={16} /> },
    { what: 'duplicate', label: t('builder.duplicate'), icon: <Copy size={16} /> },
    { what: 'delete', label: t('builder.delete'), icon: <Trash2 size={16} /> },
  ] as const
  return (
    <Paper withBorder p="md" component="section" aria-label={kind?.title ?? step.kind} data-inspector>
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Title order={2} size="h4">{kind?.title ?? step.kind}</Title>
        <Group gap={2} wrap="nowrap">{buttons.map((b) => <ActionIcon key={b.what} variant="subtle" aria-label={b.label} title={b.label} onClick={() => act(b.what)}>{b.icon}</ActionIcon>)}{menu}</Group>
      </Group>
      <Stack gap="sm">
        {result ? <Paper withBorder p="sm" className="result">{result}</Paper> : null}
        <Text size="sm">{kind ? kind.help : t('builder.unknown', { kind: step.kind })}</Text>
        <TextInput label={t('builder.name')} value={step.name ?? ''} onChange={(e) => change('name', e.currentTarget.value || undefined)} />
        {kind ? <SchemaForm key={address} schema={kind.schema} value={step} errors={errors} hint={(name) => (times.includes(name) && step[name] !== undefined ? <Times value={previews.get(address)} /> : <Preview value={previews.get(`${address}.${name}`)} sample={sample} />)} nouns={nouns} onChange={change} /> : null}
        <Textarea label={t('builder.notes')} autosize minRows={1} value={step.notes ?? ''} onChange={(e) => change('notes', e.currentTarget.value || undefined)} />
      </Stack>
    </Paper>
  )
}

/** The settings that say when a schedule comes. */
const times = ['every', 'daily', 'weekly', 'monthly', 'cron']

function Times({ value }: { value: Previewed | undefined }) {
  if (!value?.says) return null
  return <Text size="xs" mt={2} className="preview">→ {value.says}; {t('words.next', { times: (value.next ?? []).map((at) => moment(at).exact).join(' · ') })}</Text>
}

const short = (value: Value): string => (value === null ? t('none') : typeof value === 'string' ? value : JSON.stringify(value))

/** What a setting comes to on the sample: its value, why there is none, or a dash where only a run knows it. A condition says what it saw. */
function Preview({ value, sample }: { value: Previewed | undefined; sample: string }) {
  if (!value) return null
  if (value.error) return <Text size="xs" c="red" mt={2}>→ {value.error}</Text>
  if (sample && value.saw && typeof value.value === 'boolean') {
    const saw = value.saw.map((s) => t('rows.is', { path: s.path, value: short(s.value) })).join(', ')
    return <Text size="xs" mt={2} className="preview">→ {value.value ? t('rows.true', { object: sample }) : t(saw ? 'rows.saw' : 'rows.false', { object: sample, saw })}</Text>
  }
  const shown = value.unknown ? t('none') : value.cut ? `… (${value.cut})` : JSON.stringify(value.value)
  return <Text size="xs" mt={2} className="preview">→ {shown}</Text>
}
