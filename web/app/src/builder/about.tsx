import { NativeSelect, Paper, Stack, Text, TextInput } from '@mantine/core'

import type { ScenarioDoc, Structure } from '../api/types'
import { t } from '../i18n'
import { put } from '../model/document'
import type { Problem } from './draft'

/** What the scenario itself is: its name and the structure that its object has. Shown while no card is chosen. */
export function About({ doc, structures, problems, edit }: { doc: ScenarioDoc; structures: Structure[]; problems: Problem[]; edit: (doc: ScenarioDoc, key?: string) => void }) {
  const wrong = (path: string) => problems.find((p) => p.path === path)?.message
  return (
    <Paper withBorder p="md" component="section" aria-label={t('builder.scenario')}>
      <Stack gap="sm">
        <Text size="sm">{t('builder.choose')}</Text>
        <TextInput label={t('builder.name')} value={doc.name ?? ''} error={wrong('name')} onChange={(e) => edit(put(doc, 'name', e.currentTarget.value || undefined), 'name')} />
        <NativeSelect
          label={t('scenarios.structure')} value={doc.structure ?? ''} error={wrong('structure')} onChange={(e) => edit(put(doc, 'structure', e.currentTarget.value || undefined))}
          data={[{ value: '', label: t('scenarios.noStructure') }, ...structures.map((s) => ({ value: s.id, label: s.name || s.id }))]}
        />
      </Stack>
    </Paper>
  )
}
