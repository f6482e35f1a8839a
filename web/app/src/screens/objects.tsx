import { Anchor, Button, Group, NavLink, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { Link, useSearchParams } from 'wouter'

import { type Answer, ApiError, call } from '../api/client'
import { appPath, queryClient, useObjects, useStructures } from '../api/queries'
import type { Field, Structure, Thing, Value } from '../api/types'
import { t } from '../i18n'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Cell } from './cell'

/** The objects of a structure as a grid: each cell is changed in place, and a message says what that set off. */
export function Objects({ app, structure }: { app: string; structure: string }) {
  const structures = useStructures(app)
  if (structures.isPending) return <Waiting />
  if (structures.isError) return <Trouble error={structures.error} retry={() => void structures.refetch()} />
  const list = structures.data.items
  const chosen = list.find((s) => s.id === structure) ?? list.find((s) => s.id !== 'User') ?? list[0]
  return (
    <Stack>
      <Title order={1} size="h2">{t('objects.title')}</Title>
      <Group align="flex-start" wrap="wrap">
        <nav aria-label={t('objects.structures')}>
          {list.map((s) => <NavLink key={s.id} w={160} component={Link} href={`/a/${encodeURIComponent(app)}/objects/${s.id}`} label={s.name || s.id} active={s.id === chosen?.id} aria-current={s.id === chosen?.id ? 'page' : undefined} />)}
        </nav>
        <div style={{ flex: 1, minWidth: 0, width: '100%' }}>{chosen ? <Grid key={chosen.id} app={app} structure={chosen} /> : <Empty what={t('objects.empty')} />}</div>
      </Group>
    </Stack>
  )
}

/** Says what a write set off: which object, how many scenarios, and where to look. */
function tell(app: string, what: string, answer: Answer<Thing>) {
  const runs = answer.headers.get('Cuelight-Runs')?.split(',').filter(Boolean) ?? []
  const change = answer.headers.get('Cuelight-Change')
  const at = `/a/${encodeURIComponent(app)}`
  notifications.show({
    title: what,
    message: (
      <Group gap="xs">
        <span>{runs.length > 0 ? t('objects.ran', { n: runs.length }) : t('objects.noRun')}</span>
        {runs[0] ? <Anchor component={Link} href={`${at}/runs/${runs[0]}`}>{t('objects.seeRun')}</Anchor> : null}
        {change ? <Anchor component={Link} href={`${at}/changes/${change}`}>{t('objects.whyNot')}</Anchor> : null}
      </Group>
    ),
  })
  void queryClient.invalidateQueries({ queryKey: [app] })
}

function Grid({ app, structure }: { app: string; structure: Structure }) {
  const [query, setQuery] = useSearchParams()
  const filter = query.get('filter') ?? ''
  const sort = query.get('sort') ?? ''
  const [typed, setTyped] = useState(filter)
  const objects = useObjects(app, structure.id, { ...(filter ? { filter } : {}), ...(sort ? { sort } : {}) })
  const set = (name: string, value: string) => setQuery((q) => {
    if (value) q.set(name, value)
    else q.delete(name)
    return q
  })
  const path = appPath(app, structure.id === 'User' ? '/users' : `/structures/${encodeURIComponent(structure.id)}/objects`)
  const save = async (object: Thing, field: Field, value: Value) => {
    tell(app, t('objects.changed', { object: object.id }), await call<Thing>('PATCH', `${path}/${encodeURIComponent(object.id)}`, { [field.id]: value }))
  }
  const create = async () => {
    try {
      const made = await call<Thing>('POST', path, {})
      tell(app, t('objects.created', { object: made.body.id }), made)
    } catch (error) {
      notifications.show({ color: 'red', title: t('objects.new'), message: error instanceof ApiError ? error.message : String(error) })
    }
  }
  const first = objects.data?.pages[0]
  const list = objects.data?.pages.flatMap((p) => p.items) ?? []
  return (
    <Stack gap="xs">
      <form onSubmit={(e) => { e.preventDefault(); set('filter', typed) }}>
        <TextInput className="mono" aria-label={t('objects.filter')} placeholder={t('objects.filter')} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} error={objects.error instanceof ApiError ? objects.error.message : undefined} />
      </form>
      <Group justify="space-between">
        <Text size="sm" aria-live="polite">{first?.total_at_least ? t('objects.many', { n: first.total_at_least }) : first?.total !== undefined ? t('objects.total', { n: first.total }) : ''}</Text>
        {structure.id === 'User' ? null : <Button size="xs" variant="default" onClick={() => void create()}>{t('objects.new')}</Button>}
      </Group>
      {objects.isPending ? <Waiting /> : null}
      {objects.isSuccess && list.length === 0 ? <Empty what={t('objects.empty')} /> : null}
      {list.length > 0 ? (
        <div className="grid-wrap">
          <Table verticalSpacing={2} withColumnBorders>
            <Table.Thead><Table.Tr><Table.Th>id</Table.Th>{structure.fields.map((f) => <Head key={f.id} field={f} sort={sort} choose={(v) => set('sort', v)} />)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {list.map((o) => (
                <Table.Tr key={o.id}>
                  <Table.Td>{o.id}</Table.Td>
                  {structure.fields.map((f) => <Table.Td key={f.id}><Cell field={f} object={o} save={(value) => save(o, f, value)} /></Table.Td>)}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      ) : null}
      {objects.hasNextPage ? <Button variant="default" loading={objects.isFetchingNextPage} onClick={() => void objects.fetchNextPage()}>{t('more')}</Button> : null}
    </Stack>
  )
}

/** A column's head; what is indexed can be sorted by. */
function Head({ field, sort, choose }: { field: Field; sort: string; choose: (sort: string) => void }) {
  const name = field.name || field.id
  if (!field.indexed && !field.unique) return <Table.Th>{name}</Table.Th>
  const up = sort === field.id
  const down = sort === `-${field.id}`
  return (
    <Table.Th aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <button type="button" className="cell" aria-label={t('objects.sort', { field: name })} onClick={() => choose(up ? `-${field.id}` : down ? '' : field.id)}>{name} {up ? '↑' : down ? '↓' : '↕'}</button>
    </Table.Th>
  )
}
