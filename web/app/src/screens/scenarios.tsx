import { Anchor, Badge, Button, Group, Stack, Switch, Table, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueries } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link, useSearchParams } from 'wouter'

import { call } from '../api/client'
import { appPath, queryClient, useScenarios } from '../api/queries'
import type { Scenario, ScenarioDoc } from '../api/types'
import { t } from '../i18n'
import { summary } from '../model/document'
import { Empty, Trouble, Waiting } from '../ui/state'
import { StateBadge } from '../ui/status'
import { useMay } from './may'
import { Offer } from './offer'

const NewScenario = lazy(async () => ({ default: (await import('./new-scenario')).NewScenario }))

/** The scenarios of an app: what starts them, how they stand, and the switch. */
export function Scenarios({ app }: { app: string }) {
  const scenarios = useScenarios(app)
  const [query, setQuery] = useSearchParams()
  const find = query.get('find') ?? ''
  const list = scenarios.data?.items ?? []
  const docs = useQueries({
    queries: list.map((s) => ({
      queryKey: [app, 'scenarios', s.id, 'draft'],
      queryFn: async () => (await call<ScenarioDoc>('GET', appPath(app, `/scenarios/${encodeURIComponent(s.id)}/draft`))).body,
      staleTime: 30_000,
    })),
  })
  const set = (name: string, value: string | null) => setQuery((q) => {
    if (value === null) q.delete(name)
    else q.set(name, value)
    return q
  }, { replace: true })
  const { guard } = useMay('scenarios:write')
  if (scenarios.isPending) return <Waiting />
  if (scenarios.isError) return <Trouble error={scenarios.error} retry={() => void scenarios.refetch()} />
  const shown = list.map((s, i) => ({ s, doc: docs[i]?.data })).filter(({ s, doc }) => `${s.id} ${s.name ?? ''} ${JSON.stringify(doc ?? {})}`.toLowerCase().includes(find.toLowerCase()))
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">{t('scenarios.title')}</Title>
        <Button onClick={() => set('new', '')} {...guard}>{t('scenarios.new')}</Button>
      </Group>
      <TextInput aria-label={t('scenarios.find')} placeholder={t('scenarios.find')} value={find} onChange={(e) => set('find', e.currentTarget.value || null)} />
      {shown.length === 0
        ? <Stack><Empty what={t('scenarios.empty')} why={t('scenarios.empty.why')} />{list.length === 0 ? <Offer use={(id) => set('new', id)} /> : null}</Stack>
        : (
          <div className="grid-wrap">
            <Table verticalSpacing="xs">
              <Table.Thead><Table.Tr><Table.Th>{t('scenarios.name')}</Table.Th><Table.Th>{t('scenarios.starts')}</Table.Th><Table.Th>{t('scenarios.state')}</Table.Th><Table.Th>{t('scenarios.version')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{shown.map(({ s, doc }) => <Row key={s.id} app={app} scenario={s} doc={doc} />)}</Table.Tbody>
            </Table>
          </div>
        )}
      {query.has('new') ? <Suspense><NewScenario app={app} wanted={query.get('new') ?? ''} close={() => set('new', null)} /></Suspense> : null}
    </Stack>
  )
}

function Row({ app, scenario: s, doc }: { app: string; scenario: Scenario; doc: ScenarioDoc | undefined }) {
  const name = s.name || s.id
  const { may, why } = useMay('scenarios:write')
  const toggle = useMutation({
    mutationFn: (start: boolean) => call('POST', appPath(app, `/scenarios/${encodeURIComponent(s.id)}/${start ? 'start' : 'stop'}`), {}),
    onSettled: () => queryClient.invalidateQueries({ queryKey: [app, 'scenarios'] }),
  })
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap="xs">
          <Anchor component={Link} href={`/a/${encodeURIComponent(app)}/scenarios/${s.id}`} fw={600}>{name}</Anchor>
          {s.unpublished ? <Badge variant="light" color="yellow" className="status">{t('scenarios.draft')}</Badge> : null}
        </Group>
        {s.problems?.[0] ? <Text size="xs" c="red">{s.problems[0].message}</Text> : null}
        {toggle.isError ? <Text size="xs" c="red" role="alert">{toggle.error.message}</Text> : null}
      </Table.Td>
      <Table.Td><Text size="sm">{doc?.triggers?.map((g) => `${doc.structure ?? ''} ${summary(g)}`.trim()).join('; ') || t('none')}</Text></Table.Td>
      <Table.Td>
        <Group gap="xs" wrap="nowrap">
          <Switch aria-label={t('scenarios.run', { name })} checked={s.state === 'running'} disabled={s.version === 0 || toggle.isPending || !may} title={why} onChange={(e) => toggle.mutate(e.currentTarget.checked)} />
          <StateBadge state={s.state} />
        </Group>
      </Table.Td>
      <Table.Td>{s.version === 0 ? t('scenarios.unpublished') : s.version}</Table.Td>
    </Table.Tr>
  )
}
