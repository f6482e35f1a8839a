import { Alert, Anchor, Badge, Button, CopyButton, Drawer, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'

import { ApiError, call } from '../api/client'
import { appPath } from '../api/queries'
import type { Change, Page, Run, Structure, Thing, Value } from '../api/types'
import { t } from '../i18n'
import { Cell } from '../screens/cell'
import { useMay } from '../screens/may'
import { Trouble, Waiting } from '../ui/state'
import { Status } from '../ui/status'
import { Time } from '../ui/time'
import { anew, asText, pathOf } from './fields'
import { complain, tell } from './tell'

/** One object at the side of its grid: its fields, where it leads, what became of it, and what that set off. */
export function ObjectDrawer({ app, structure, id, close, open }: { app: string; structure: Structure; id: string; close: () => void; open: (id: string) => void }) {
  return (
    <Drawer opened={id !== ''} onClose={close} position="right" size="lg" title={<Text fw={700} className="any">{structure.name || structure.id} {id}</Text>} closeButtonProps={{ 'aria-label': t('close') }}>
      {id ? <Body key={id} app={app} structure={structure} id={id} close={close} open={open} /> : null}
    </Drawer>
  )
}

function Body({ app, structure, id, close, open }: { app: string; structure: Structure; id: string; close: () => void; open: (id: string) => void }) {
  const path = appPath(app, `${pathOf(structure)}/${encodeURIComponent(id)}`)
  const object = useQuery({ queryKey: [app, 'object', structure.id, id], refetchInterval: 2000, queryFn: async () => (await call<Thing>('GET', path)).body })
  const { may, guard } = useMay(structure.id === 'User' ? 'users:write' : 'objects:write')
  if (object.isPending) return <Waiting />
  if (object.isError) {
    const gone = object.error instanceof ApiError && object.error.problem.status === 404
    return <Stack>{gone ? <Alert color="yellow">{t('objects.gone')}</Alert> : <Trouble error={object.error} retry={() => void object.refetch()} />}<History app={app} structure={structure} id={id} /></Stack>
  }
  const o = object.data
  const save = async (field: string, value: Value) => tell(app, t('objects.changed', { object: id }), await call<Thing>('PATCH', path, { [field]: value }))
  const remove = async () => {
    try {
      const answer = await call<undefined>('DELETE', path)
      tell(app, t('objects.deleted', { object: id }), answer, async () => {
        tell(app, t('objects.restored', { object: id }), await call<Thing>('POST', appPath(app, pathOf(structure)), anew(structure, o)))
        open(id)
      })
      close()
    } catch (error) {
      complain(t('objects.delete'), error)
    }
  }
  return (
    <Stack>
      <Table verticalSpacing={4} layout="fixed">
        <Table.Tbody>
          {structure.fields.map((f) => (
            <Table.Tr key={f.id}>
              <Table.Th scope="row" w="38%">{f.name || f.id}{f.required ? <span aria-hidden> *</span> : null}</Table.Th>
              <Table.Td className="any">
                <Cell field={f} object={o} save={may ? (value) => save(f.id, value) : undefined} />
                {f.structure && (f.type === 'link' || f.type === 'links') ? <Leads app={app} structure={f.structure} value={o[f.id]} /> : null}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm">{t('objects.made')} <Time at={o.created_at} /> · {o.created_by || t('none')}<br />{t('objects.last')} <Time at={o.changed_at} /> · {o.changed_by || t('none')} · {t('objects.version', { n: o.version })}</Text>
      <Group gap="xs">
        <CopyButton value={id}>{({ copied, copy }) => <Button size="xs" variant="default" onClick={copy}>{copied ? t('live.copied') : t('objects.copy')}</Button>}</CopyButton>
        <Button size="xs" variant="default" component={Link} href={`/a/${encodeURIComponent(app)}/runs?object=${encodeURIComponent(id)}`}>{t('objects.runs')}</Button>
        {structure.id === 'User' ? null : <Button size="xs" variant="light" color="red" onClick={() => void remove()} {...guard}>{t('objects.delete')}</Button>}
      </Group>
      <History app={app} structure={structure} id={id} />
    </Stack>
  )
}

/** Where a link or a list of links leads. */
function Leads({ app, structure, value }: { app: string; structure: string; value: Value | undefined }) {
  const ids = (Array.isArray(value) ? value : [value]).filter((v): v is string => typeof v === 'string' && v !== '')
  if (ids.length === 0) return null
  return <Group gap={10} px={6} className="leads">{ids.slice(0, 50).map((id) => <Anchor key={id} size="xs" component={Link} href={`/a/${encodeURIComponent(app)}/objects/${structure}?object=${encodeURIComponent(id)}`}>{t('objects.open', { object: id })}</Anchor>)}</Group>
}

const pageOfChanges = 10

/** What became of an object, newest first, each with the runs that it set off. */
function History({ app, structure, id }: { app: string; structure: Structure; id: string }) {
  const changes = useInfiniteQuery({
    queryKey: [app, 'history', structure.id, id],
    initialPageParam: '',
    getNextPageParam: (page: Page<Change>) => page.next,
    queryFn: async ({ pageParam }) => (await call<Page<Change>>('GET', appPath(app, `/changes?${new URLSearchParams({ structure: structure.id, object: id, limit: String(pageOfChanges), ...(pageParam ? { cursor: pageParam } : {}) })}`))).body,
  })
  const list = changes.data?.pages.flatMap((p) => p.items) ?? []
  const runs = useQueries({
    queries: list.map((c) => ({
      queryKey: [app, 'caused', c.seq],
      enabled: !c.silent,
      staleTime: 10_000,
      queryFn: async () => (await call<Page<Run>>('GET', appPath(app, `/runs?change=${c.seq}&limit=20`))).body.items,
    })),
  })
  return (
    <section aria-label={t('objects.history')}>
      <Title order={2} size="h4" mb="xs">{t('objects.history')}</Title>
      {changes.isPending ? <Waiting /> : null}
      {changes.isError ? <Trouble error={changes.error} /> : null}
      {changes.isSuccess && list.length === 0 ? <Text size="sm">{t('objects.noHistory')}</Text> : null}
      <Stack gap="xs" component="ol" className="history">
        {list.map((c, i) => <Entry key={c.seq} app={app} structure={structure} change={c} runs={runs[i]?.data} />)}
      </Stack>
      {changes.hasNextPage ? <Button mt="xs" size="xs" variant="default" loading={changes.isFetchingNextPage} onClick={() => void changes.fetchNextPage()}>{t('more')}</Button> : null}
    </section>
  )
}

const colors = { created: 'green', changed: 'blue', deleted: 'red' } as const

function Entry({ app, structure, change: c, runs }: { app: string; structure: Structure; change: Change; runs: Run[] | undefined }) {
  const at = `/a/${encodeURIComponent(app)}`
  const fields = c.kind === 'changed' ? c.fields : structure.fields.map((f) => f.id).filter((f) => asText((c.after ?? c.before)?.[f]) !== '')
  const show = (v: Value | undefined) => asText(v) || t('none')
  return (
    <li>
      <Group gap="xs">
        <Badge size="sm" variant="light" color={colors[c.kind]} className="status">{t(`objects.kind.${c.kind}`)}</Badge>
        <Text size="sm"><Time at={c.at} /> · {c.who || t('none')}</Text>
        <Anchor size="sm" component={Link} href={`${at}/changes/${c.seq}`}>{t('objects.change', { n: c.seq })}</Anchor>
      </Group>
      <Text size="sm" component="div" className="any">
        {fields.map((f) => <div key={f}><b>{structure.fields.find((s) => s.id === f)?.name || f}</b>: {c.kind === 'changed' ? <>{show(c.before?.[f])} → {show(c.after?.[f])}</> : show((c.after ?? c.before)?.[f])}</div>)}
        {c.run ? <div>{t('objects.byRun')} <Anchor component={Link} href={`${at}/runs/${c.run}`}>{c.run.slice(0, 13)}…</Anchor></div> : null}
        {c.silent ? <div>{t('objects.silent')}</div> : null}
      </Text>
      {runs && runs.length > 0 ? <Group gap="xs" mt={4}>{runs.map((r) => <Group key={r.id} gap={4} wrap="nowrap"><Status status={r.status} /><Anchor size="sm" component={Link} href={`${at}/runs/${r.id}`}>{r.scenario}</Anchor></Group>)}</Group> : null}
    </li>
  )
}
