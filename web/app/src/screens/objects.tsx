import { ActionIcon, Alert, Anchor, Button, Group, Menu, NavLink, Progress, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { EllipsisVertical, Plus, Settings2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { Link, useSearchParams } from 'wouter'

import { ApiError, call } from '../api/client'
import { appPath, useObjects, useStructures } from '../api/queries'
import type { Field, Filling, Structure, Thing, Value } from '../api/types'
import { t } from '../i18n'
import { ColumnChooser, useColumns } from '../objects/columns'
import { builtIn, isIndexed, pathOf } from '../objects/fields'
import { FilterHelp } from '../objects/filter-help'
import { complain, tell } from '../objects/tell'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Time } from '../ui/time'
import { Cell } from './cell'
import { useMay } from './may'

const ObjectDrawer = lazy(async () => ({ default: (await import('../objects/drawer')).ObjectDrawer }))
const CreateObject = lazy(async () => ({ default: (await import('../objects/create')).CreateObject }))
const ImportObjects = lazy(async () => ({ default: (await import('../objects/import')).ImportObjects }))

/** The objects of a structure as a grid: each cell is changed in place, and a message says what that set off. */
export function Objects({ app, structure }: { app: string; structure: string }) {
  const structures = useStructures(app)
  const { guard } = useMay('scenarios:write')
  if (structures.isPending) return <Waiting />
  if (structures.isError) return <Trouble error={structures.error} retry={() => void structures.refetch()} />
  const list = structures.data.items
  const chosen = list.find((s) => s.id === structure) ?? list.find((s) => s.id !== 'User') ?? list[0]
  const at = `/a/${encodeURIComponent(app)}`
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">{t('objects.title')}</Title>
        <Group gap="xs">
          <Button size="xs" variant="default" leftSection={<Plus size={14} />} component={Link} href={`${at}/structures`} {...guard}>{t('structure.new')}</Button>
          {chosen ? <Button size="xs" variant="default" leftSection={<Settings2 size={14} />} component={Link} href={`${at}/structures/${chosen.id}`}>{t('structure.edit')}</Button> : null}
        </Group>
      </Group>
      <Group align="flex-start" wrap="wrap">
        <nav aria-label={t('objects.structures')} className="shelf">
          {list.map((s) => <NavLink key={s.id} w={160} component={Link} href={`${at}/objects/${s.id}`} label={s.name || s.id} active={s.id === chosen?.id} aria-current={s.id === chosen?.id ? 'page' : undefined} />)}
        </nav>
        <div className="beside">{chosen ? <Grid key={chosen.id} app={app} structure={chosen} /> : <Empty what={t('structure.none')} why={t('structure.none.why')} />}</div>
      </Group>
    </Stack>
  )
}

function Grid({ app, structure }: { app: string; structure: Structure }) {
  const [query, setQuery] = useSearchParams()
  const filter = query.get('filter') ?? ''
  const sort = query.get('sort') ?? ''
  const [typed, setTyped] = useState(filter)
  const columns = useColumns(app, structure)
  const { may, guard } = useMay(structure.id === 'User' ? 'users:write' : 'objects:write')
  const [making, setMaking] = useState(false)
  const [importing, setImporting] = useState(false)
  const list = { ...(filter ? { filter } : {}), ...(sort ? { sort } : {}) }
  const objects = useObjects(app, structure.id, list)
  const set = (name: string, value: string) => setQuery((q) => {
    if (value) q.set(name, value)
    else q.delete(name)
    return q
  })
  const path = appPath(app, pathOf(structure))
  const save = async (object: Thing, field: Field, value: Value) => {
    tell(app, t('objects.changed', { object: object.id }), await call<Thing>('PATCH', `${path}/${encodeURIComponent(object.id)}`, { [field.id]: value }))
  }
  const first = objects.data?.pages[0]
  const items = objects.data?.pages.flatMap((p) => p.items) ?? []
  const fields = structure.fields.filter((f) => columns.shown.includes(f.id))
  const extra = builtIn.filter((id) => columns.shown.includes(id))
  const object = query.get('object') ?? ''
  const here = (id: string) => `?${new URLSearchParams({ ...Object.fromEntries(query), object: id })}`
  return (
    <Stack gap="xs">
      <form onSubmit={(e) => { e.preventDefault(); set('filter', typed.trim()) }}>
        <Group gap="xs" wrap="nowrap" align="flex-start">
          <TextInput className="mono grow" aria-label={t('objects.filter')} placeholder={t('objects.filter')} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} error={objects.error instanceof ApiError ? `${objects.error.message}${objects.error.problem.cure ? ` ${objects.error.problem.cure}` : ''}` : undefined} />
          <Button type="submit" variant="default" visibleFrom="xs">{t('objects.filter.go')}</Button>
          <FilterHelp structure={structure} />
        </Group>
      </form>
      {structure.filling ? <FillingNote filling={structure.filling} /> : null}
      <Group justify="space-between">
        <Text size="sm" aria-live="polite">{first?.total_at_least ? t('objects.many', { n: first.total_at_least }) : first?.total !== undefined ? t('objects.total', { n: first.total }) : ''}</Text>
        <Group gap="xs">
          <ColumnChooser columns={columns} />
          <More app={app} structure={structure} list={list} importCsv={() => setImporting(true)} />
          {structure.id === 'User' ? <Button size="xs" component={Link} href={`/a/${encodeURIComponent(app)}/users`}>{t('nav.users')}</Button> : <Button size="xs" onClick={() => setMaking(true)} {...guard}>{t('objects.new')}</Button>}
        </Group>
      </Group>
      {objects.isPending ? <Waiting /> : null}
      {objects.isSuccess && items.length === 0 ? <Empty what={t(filter ? 'objects.empty' : 'objects.none')} why={filter ? undefined : t('objects.none.why')} /> : null}
      {items.length > 0 ? (
        <div className="grid-wrap">
          <Table verticalSpacing={2} withColumnBorders>
            <Table.Thead>
              <Table.Tr>
                <Head id="id" name="id" sortable sort={sort} choose={(v) => set('sort', v)} />
                {fields.map((f) => <Head key={f.id} id={f.id} name={f.name || f.id} sortable={isIndexed(f) && f.type !== 'links'} sort={sort} choose={(v) => set('sort', v)} />)}
                {extra.map((id) => <Head key={id} id={id} name={t(`built.${id}`)} sortable sort={sort} choose={(v) => set('sort', v)} />)}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((o) => (
                <Table.Tr key={o.id}>
                  <Table.Td className="id"><Anchor size="sm" component={Link} href={here(o.id)} aria-label={t('objects.open', { object: o.id })}>{o.id}</Anchor></Table.Td>
                  {fields.map((f) => <Table.Td key={f.id}><Cell field={f} object={o} save={may ? (value) => save(o, f, value) : undefined} /></Table.Td>)}
                  {extra.map((id) => <Table.Td key={id} className="id">{id.endsWith('_at') ? <Time at={String(o[id])} /> : String(o[id] ?? '')}</Table.Td>)}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      ) : null}
      {objects.hasNextPage ? <Button variant="default" loading={objects.isFetchingNextPage} onClick={() => void objects.fetchNextPage()}>{t('more')}</Button> : null}
      <Suspense>
        {object ? <ObjectDrawer app={app} structure={structure} id={object} close={() => set('object', '')} open={(id) => set('object', id)} /> : null}
        {making ? <CreateObject app={app} structure={structure} opened close={() => setMaking(false)} made={(id) => set('object', id)} /> : null}
        {importing ? <ImportObjects app={app} structure={structure} opened close={() => setImporting(false)} /> : null}
      </Suspense>
    </Stack>
  )
}

/** What is done with all objects at once. */
function More({ app, structure, list, importCsv }: { app: string; structure: Structure; list: { filter?: string; sort?: string }; importCsv: () => void }) {
  const { may, why } = useMay('objects:write')
  const exportAll = async () => {
    const id = notifications.show({ loading: true, autoClose: false, message: t('export.busy', { n: 0 }) })
    try {
      const { download, exportCsv } = await import('../objects/export')
      let n = 0
      const blob = await exportCsv(app, structure, list, (so) => {
        n = so
        notifications.update({ id, loading: true, autoClose: false, message: t('export.busy', { n }) })
      })
      download(blob, `${structure.id}.csv`)
      notifications.update({ id, loading: false, autoClose: 4000, message: t('export.done', { n }) })
    } catch (error) {
      notifications.hide(id)
      complain(t('export.title'), error)
    }
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target><ActionIcon variant="default" size={30} aria-label={t('objects.more')}><EllipsisVertical size={14} /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void exportAll()}>{t('export.title')}</Menu.Item>
        {structure.id === 'User' ? null : <Menu.Item disabled={!may} title={why} onClick={importCsv}>{t('import.button')}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  )
}

/** How far the system run over the objects of a structure is, and what it waits for. */
export function FillingNote({ filling }: { filling: Filling }) {
  return (
    <Alert color={filling.waits ? 'yellow' : 'blue'} role="status" title={t('structure.filling', { fields: filling.fields.join(', ') })}>
      <Stack gap={6}>
        {filling.total ? <Progress value={(100 * filling.done) / filling.total} aria-label={t('structure.progress')} /> : null}
        <Text size="sm">{filling.total === undefined ? t('structure.done', { n: filling.done }) : t('structure.doneOf', { n: filling.done, all: filling.total })}</Text>
        {filling.waits ? <Text size="sm">{filling.waits.object}: {filling.waits.message}</Text> : null}
      </Stack>
    </Alert>
  )
}

/** A column's head; what is indexed can be sorted by. */
function Head({ id, name, sortable, sort, choose }: { id: string; name: string; sortable: boolean; sort: string; choose: (sort: string) => void }) {
  if (!sortable) return <Table.Th>{name}</Table.Th>
  const up = sort === id
  const down = sort === `-${id}`
  return (
    <Table.Th aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <button type="button" className="cell" aria-label={t('objects.sort', { field: name })} onClick={() => choose(up ? `-${id}` : down ? '' : id)}>{name} {up ? '↑' : down ? '↓' : '↕'}</button>
    </Table.Th>
  )
}
