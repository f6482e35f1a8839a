import { Anchor, Badge, Button, Group, Modal, Select, Stack, Switch, Table, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQueries } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'

import { ApiError, call } from '../api/client'
import { appPath, queryClient, useScenarios, useStructures } from '../api/queries'
import type { Scenario, ScenarioDoc } from '../api/types'
import { t } from '../i18n'
import { summary } from '../model/document'
import { Empty, Trouble, Waiting } from '../ui/state'
import { StateBadge } from '../ui/status'
import { useMay } from './may'

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
        ? <Empty what={t('scenarios.empty')} why={t('scenarios.empty.why')} />
        : (
          <div className="grid-wrap">
            <Table verticalSpacing="xs">
              <Table.Thead><Table.Tr><Table.Th>{t('scenarios.name')}</Table.Th><Table.Th>{t('scenarios.starts')}</Table.Th><Table.Th>{t('scenarios.state')}</Table.Th><Table.Th>{t('scenarios.version')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{shown.map(({ s, doc }) => <Row key={s.id} app={app} scenario={s} doc={doc} />)}</Table.Tbody>
            </Table>
          </div>
        )}
      <NewScenario app={app} opened={query.has('new')} close={() => set('new', null)} />
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

const toID = (name: string): string => name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 63)

function NewScenario({ app, opened, close }: { app: string; opened: boolean; close: () => void }) {
  const structures = useStructures(app)
  const [, navigate] = useLocation()
  const [name, setName] = useState('')
  const [id, setID] = useState<string>()
  const [structure, setStructure] = useState<string | null>(null)
  const wanted = id ?? toID(name)
  const create = useMutation({
    mutationFn: () => call('PUT', appPath(app, `/scenarios/${encodeURIComponent(wanted)}/draft`), { kind: 'scenario', id: wanted, name, ...(structure ? { structure } : {}), triggers: [], steps: [] }, { 'If-None-Match': '*' }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: [app, 'scenarios'] })
      navigate(`/a/${encodeURIComponent(app)}/scenarios/${wanted}`)
    },
  })
  return (
    <Modal opened={opened} onClose={close} title={t('scenarios.new')} closeButtonProps={{ 'aria-label': 'x' }}>
      <form onSubmit={(e) => { e.preventDefault(); create.mutate() }}>
        <Stack>
          <TextInput label={t('scenarios.name')} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
          <TextInput label={t('scenarios.id')} required value={wanted} onChange={(e) => setID(e.currentTarget.value)} error={create.error instanceof ApiError ? (create.error.field('id') ?? create.error.message) : undefined} />
          <Select label={t('scenarios.structure')} clearable placeholder={t('scenarios.noStructure')} value={structure} onChange={setStructure} data={(structures.data?.items ?? []).map((s) => ({ value: s.id, label: s.name || s.id }))} />
          <Group justify="flex-end"><Button type="submit" loading={create.isPending}>{t('scenarios.create')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  )
}
