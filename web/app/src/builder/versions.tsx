import { Button, Group, NativeSelect, Stack, Table, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { call } from '../api/client'
import { appPath, useScenario } from '../api/queries'
import type { Difference, Page, ScenarioDoc, ScenarioVersion } from '../api/types'
import { t } from '../i18n'
import type { Kinds } from '../model/yaml-write'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Time } from '../ui/time'
import { DifferenceView } from './difference'
import type { Editor } from './draft'

const pages = 50

async function allVersions(path: string): Promise<ScenarioVersion[]> {
  const all: ScenarioVersion[] = []
  let cursor: string | undefined
  for (let i = 0; i < pages; i++) {
    const { items, next } = (await call<Page<ScenarioVersion>>('GET', `${path}/versions?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)).body
    all.push(...items)
    if (!next) break
    cursor = next
  }
  return all.reverse()
}

/** The published versions: who published what and why, how any two differ, and a way back to each. */
export function Versions({ app, id, editor, kinds, restored }: { app: string; id: string; editor: Editor; kinds: Kinds; restored: () => void }) {
  const path = appPath(app, `/scenarios/${encodeURIComponent(id)}`)
  const live = useScenario(app, id).data?.version
  const versions = useQuery({ queryKey: [app, 'scenarios', id, 'versions', 'list', live], queryFn: () => allVersions(path) })
  const [from, setFrom] = useState<string>()
  const [to, setTo] = useState('draft')
  if (versions.isPending || live === undefined) return <Waiting />
  if (versions.isError) return <Trouble error={versions.error} retry={() => void versions.refetch()} />
  if (versions.data.length === 0) return <Empty what={t('versions.none')} why={t('versions.none.why')} />
  const restore = async (n: number) => {
    const doc = (await call<ScenarioDoc>('GET', `${path}/versions/${n}`)).body
    editor.edit(doc)
    notifications.show({ message: t('versions.restored', { n }) })
    restored()
  }
  const earlier = from ?? String(live)
  const choices = [{ value: 'draft', label: t('versions.draft') }, ...versions.data.map((v) => ({ value: String(v.number), label: t('run.version', { n: v.number }) + (v.number === live ? ` (${t('versions.live')})` : '') }))]
  return (
    <Stack>
      <div className="grid-wrap">
        <Table verticalSpacing="xs" aria-label={t('versions.title')}>
          <Table.Thead><Table.Tr><Table.Th>{t('scenarios.version')}</Table.Th><Table.Th>{t('versions.when')}</Table.Th><Table.Th>{t('versions.who')}</Table.Th><Table.Th>{t('versions.note')}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>
            {versions.data.map((v) => (
              <Table.Tr key={v.number}>
                <Table.Td>{v.number}{v.number === live ? ` · ${t('versions.live')}` : ''}</Table.Td>
                <Table.Td><Time at={v.at} /></Table.Td>
                <Table.Td>{v.by ?? t('none')}</Table.Td>
                <Table.Td>{v.note ?? ''}</Table.Td>
                <Table.Td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    {v.number > 1 ? <Button size="compact-xs" variant="default" aria-label={t('versions.showOf', { n: v.number })} onClick={() => { setFrom(String(v.number - 1)); setTo(String(v.number)) }}>{t('versions.show')}</Button> : null}
                    <Button size="compact-xs" variant="default" aria-label={t('versions.restoreOf', { n: v.number })} onClick={() => void restore(v.number)}>{t('versions.restore')}</Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Title order={2} size="h4">{t('versions.compare')}</Title>
      <Group gap="xs">
        <NativeSelect size="xs" aria-label={t('versions.old')} data={choices} value={earlier} onChange={(e) => setFrom(e.currentTarget.value)} />
        <Text aria-hidden>→</Text>
        <NativeSelect size="xs" aria-label={t('versions.new')} data={choices} value={to} onChange={(e) => setTo(e.currentTarget.value)} />
      </Group>
      <Compared path={path} from={earlier} to={to} editor={editor} kinds={kinds} />
    </Stack>
  )
}

function Compared({ path, from, to, editor, kinds }: { path: string; from: string; to: string; editor: Editor; kinds: Kinds }) {
  const difference = useQuery({
    queryKey: [path, 'difference', from, to, from === 'draft' || to === 'draft' ? editor.doc : undefined],
    gcTime: 10_000,
    queryFn: async () => {
      // The server compares what it has.
      if (from === 'draft' || to === 'draft') await editor.flush()
      return (await call<Difference>('GET', `${path}/versions/${from}..${to}`)).body
    },
  })
  if (difference.isPending) return <Waiting />
  if (difference.isError) return <Trouble error={difference.error} retry={() => void difference.refetch()} />
  return <DifferenceView difference={difference.data} kinds={kinds} />
}

/** How the document of this page differs from the draft that somebody else has saved. */
export function Conflicting({ app, id, editor, kinds }: { app: string; id: string; editor: Editor; kinds: Kinds }) {
  const difference = useQuery({
    queryKey: [app, 'conflict', id, editor.doc],
    gcTime: 0,
    queryFn: async () => (await call<Difference>('POST', appPath(app, `/scenarios/${encodeURIComponent(id)}/draft/compare`), { document: editor.doc })).body,
  })
  if (difference.isPending) return <Waiting />
  if (difference.isError) return <Trouble error={difference.error} />
  return (
    <Stack gap="xs">
      <Text size="sm">{t('versions.conflict')}</Text>
      <DifferenceView difference={difference.data} kinds={kinds} />
    </Stack>
  )
}
