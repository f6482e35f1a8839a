import { Anchor, Button, Group, Select, Stack, Table, Text, Title } from '@mantine/core'
import { Link, useLocation, useSearchParams } from 'wouter'

import { type RunFilter, useRuns, useScenarios } from '../api/queries'
import type { Run } from '../api/types'
import { lasted, t } from '../i18n'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Status } from '../ui/status'
import { Time } from '../ui/time'

const statuses = ['done', 'failed', 'ready', 'queued', 'waiting', 'calling', 'cancelled', 'not_matched', 'merged'] as const

/** All runs of an app, newest first; what is shown stands in the address. */
export function Runs({ app }: { app: string }) {
  const [query, setQuery] = useSearchParams()
  const scenarios = useScenarios(app)
  const filter: RunFilter = {}
  for (const name of ['scenario', 'status', 'object'] as const) {
    const value = query.get(name)
    if (value) filter[name] = value
  }
  const choose = (name: string, value: string | null) => setQuery((q) => {
    if (value) q.set(name, value)
    else q.delete(name)
    return q
  })
  return (
    <Stack>
      <Title order={1} size="h2">{t('runs.title')}</Title>
      <Group>
        <Select label={t('runs.status')} clearable placeholder={t('runs.all')} value={filter.status ?? null} onChange={(v) => choose('status', v)} data={statuses.map((s) => ({ value: s, label: t(`status.${s}`) }))} />
        <Select label={t('runs.scenario')} clearable searchable placeholder={t('runs.all')} value={filter.scenario ?? null} onChange={(v) => choose('scenario', v)} data={(scenarios.data?.items ?? []).map((s) => ({ value: s.id, label: s.name || s.id }))} />
      </Group>
      <RunTable app={app} filter={filter} />
    </Stack>
  )
}

export function RunTable({ app, filter }: { app: string; filter: RunFilter }) {
  const runs = useRuns(app, filter)
  const [, navigate] = useLocation()
  if (runs.isPending) return <Waiting />
  if (runs.isError) return <Trouble error={runs.error} retry={() => void runs.refetch()} />
  const list = runs.data.pages.flatMap((p) => p.items)
  if (list.length === 0) return <Empty what={t('runs.empty')} why={t('runs.empty.why')} />
  const to = (r: Run) => `/a/${encodeURIComponent(app)}/runs/${r.id}`
  return (
    <Stack>
      <div className="grid-wrap">
        <Table verticalSpacing="xs">
          <Table.Thead><Table.Tr><Table.Th>{t('runs.status')}</Table.Th><Table.Th>{t('runs.scenario')}</Table.Th><Table.Th>{t('runs.object')}</Table.Th><Table.Th>{t('runs.started')}</Table.Th><Table.Th>{t('runs.took')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {list.map((r) => (
              <Table.Tr key={r.id} className="row-link" onClick={() => navigate(to(r))}>
                <Table.Td><Status status={r.status} /></Table.Td>
                <Table.Td><Anchor component={Link} href={to(r)} onClick={(e: React.MouseEvent) => e.stopPropagation()}>{r.scenario}</Anchor>{r.error ? <Text size="xs" lineClamp={1}>{r.error.message}</Text> : null}</Table.Td>
                <Table.Td>{r.object ? `${r.structure} ${r.object}` : t('none')}</Table.Td>
                <Table.Td><Time at={r.created_at} /></Table.Td>
                <Table.Td className="numbers">{r.finished_at ? lasted(Date.parse(r.finished_at) - Date.parse(r.created_at)) : t('none')}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {runs.hasNextPage ? <Button variant="default" loading={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>{t('more')}</Button> : null}
    </Stack>
  )
}
