import { Alert, Anchor, Badge, Button, Group, List, Modal, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'

import { ApiError, call } from '../api/client'
import { appPath, queryClient, useStructures, useUses } from '../api/queries'
import type { FieldUse, Structure } from '../api/types'
import { t } from '../i18n'
import { blank, documentOf, type Draft, draftsOf, FieldRow } from '../objects/field-row'
import { NotFound, Trouble, Waiting } from '../ui/state'
import { useMay } from './may'
import { FillingNote } from './objects'

/** A structure's fields, or those of a new one when there is no id. */
export function StructureScreen({ app, id }: { app: string; id: string }) {
  const structures = useStructures(app)
  if (structures.isPending) return <Waiting />
  if (structures.isError) return <Trouble error={structures.error} retry={() => void structures.refetch()} />
  const list = structures.data.items
  const structure = list.find((s) => s.id === id)
  if (id && !structure) return <NotFound />
  return <Editor app={app} structure={structure} all={list.map((s) => s.id)} />
}

const toID = (name: string): string => name.normalize('NFKD').replace(/[^A-Za-z0-9]+/g, ' ').trim().replace(/ (\w)/g, (_, c: string) => c.toUpperCase()).replace(/^[^A-Za-z]+/, '').slice(0, 63)

function Editor({ app, structure, all }: { app: string; structure: Structure | undefined; all: string[] }) {
  const [, navigate] = useLocation()
  const { may, why, guard } = useMay('scenarios:write')
  const uses = useUses(app, structure?.id ?? '')
  const [name, setName] = useState(structure?.name ?? '')
  const [ownID, setOwnID] = useState<string>()
  const [title, setTitle] = useState(structure?.title ?? '')
  const [drafts, setDrafts] = useState<Draft[]>(() => (structure ? draftsOf(structure) : [blank()]))
  const [asking, setAsking] = useState(false)
  const [etag, setEtag] = useState('')
  const id = structure?.id ?? ownID ?? toID(name)
  const path = appPath(app, `/structures/${encodeURIComponent(id)}`)
  // What is saved must be a change of what was on this page, not of what somebody else has made of it meanwhile.
  const read = async () => {
    if (!structure) return
    const answer = await call<Structure>('GET', path)
    setEtag(answer.headers.get('ETag') ?? '')
    setName(answer.body.name ?? '')
    setTitle(answer.body.title ?? '')
    setDrafts(draftsOf(answer.body))
  }
  useEffect(() => { void read().catch(() => {}) }, [])
  const dropped = (structure?.fields ?? []).filter((f) => !drafts.some((d) => d.was?.id === f.id && d.field.id === f.id)).map((f) => f.id)
  const converted = drafts.filter((d) => d.was && d.was.id === d.field.id && d.was.type !== d.field.type).map((d) => d.field.id)
  const save = useMutation({
    mutationFn: async () => {
      const query = new URLSearchParams([...(dropped.length ? [['drop', dropped.join(',')]] : []), ...(converted.length ? [['convert', converted.join(',')]] : [])] as [string, string][])
      return (await call<Structure>('PUT', `${path}${query.size ? `?${query}` : ''}`, { kind: 'structure', id, ...(name ? { name } : {}), ...(title ? { title } : {}), fields: drafts.map(documentOf) }, etag ? { 'If-Match': etag } : {})).body
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: [app] })
      if (!structure) return navigate(`/a/${encodeURIComponent(app)}/objects/${encodeURIComponent(id)}`)
      await read()
    },
    onSettled: () => setAsking(false),
  })
  const problem = save.error instanceof ApiError ? save.error : undefined
  const put = (key: string, field: Draft['field']) => setDrafts(drafts.map((d) => (d.key === key ? { ...d, field } : d)))
  const move = (i: number, by: number) => {
    const next = [...drafts]
    const [one] = next.splice(i, 1)
    if (one) next.splice(i + by, 0, one)
    setDrafts(next)
  }
  const usesOf = (field: string) => uses.data?.items.filter((u) => u.field === field) ?? []
  return (
    <Stack maw={1100}>
      <Group justify="space-between">
        <Title order={1} size="h2">{structure ? t('structure.title', { name: structure.name || structure.id }) : t('structure.new')}</Title>
        {structure ? <Anchor component={Link} href={`/a/${encodeURIComponent(app)}/objects/${encodeURIComponent(structure.id)}`}>{t('structure.objects')}</Anchor> : null}
      </Group>
      {structure?.filling ? <FillingNote filling={structure.filling} /> : null}
      {save.data?.warnings?.length ? <Warnings app={app} warnings={save.data.warnings} /> : null}
      <form onSubmit={(e) => { e.preventDefault(); if (dropped.length > 0) setAsking(true); else save.mutate() }}>
        <Stack>
          <Paper withBorder p="md">
            <Group align="flex-start" grow preventGrowOverflow={false}>
              <TextInput label={t('structure.name')} description={t('structure.name.why')} value={name} onChange={(e) => setName(e.currentTarget.value)} />
              <TextInput label={t('structure.id')} description={t('structure.id.why')} required readOnly={structure !== undefined} value={id} error={problem?.field('id')} onChange={(e) => setOwnID(e.currentTarget.value)} />
              <TextInput label={t('structure.label')} description={t('structure.label.why')} placeholder="{{ number }}" className="mono" value={title} error={problem?.field('title')} onChange={(e) => setTitle(e.currentTarget.value)} />
            </Group>
          </Paper>
          <Title order={2} size="h4">{t('structure.fields')}</Title>
          {drafts.map((d, i) => (
            <FieldRow
              key={d.key} app={app} draft={d} place={i} last={i === drafts.length - 1} structures={all} uses={d.was ? usesOf(d.was.id) : []} errorOf={(path) => problem?.field(`fields[${i}].${path}`) ?? problem?.field(`fields.${i}.${path}`)}
              put={(field) => put(d.key, field)} move={(by) => move(i, by)} remove={() => setDrafts(drafts.filter((o) => o.key !== d.key))}
            />
          ))}
          <Group><Button variant="default" leftSection={<Plus size={14} />} onClick={() => setDrafts([...drafts, blank()])}>{t('structure.addField')}</Button></Group>
          {save.error ? <Refused error={save.error} /> : null}
          {dropped.length > 0 ? <Alert color="yellow">{t('structure.willDrop', { fields: dropped.join(', ') })}</Alert> : null}
          {converted.length > 0 ? <Alert color="blue">{t('structure.willConvert', { fields: converted.join(', ') })}</Alert> : null}
          <Group>
            <Button type="submit" loading={save.isPending} {...guard}>{t(structure ? 'values.save' : 'scenarios.create')}</Button>
            {save.isSuccess && structure ? <Text size="sm" role="status">{t('live.saved')}</Text> : null}
            {may ? null : <Text size="sm">{why}</Text>}
          </Group>
        </Stack>
      </form>
      <Modal opened={asking} onClose={() => setAsking(false)} title={t('structure.drop', { n: dropped.length })} closeButtonProps={{ 'aria-label': t('close') }}>
        <Stack>
          {dropped.map((f) => <Users key={f} app={app} field={f} uses={usesOf(f)} />)}
          <Text size="sm">{t('structure.drop.why')}</Text>
          <Group justify="flex-end">
            <Button variant="default" data-autofocus onClick={() => setAsking(false)}>{t('structure.drop.keep')}</Button>
            <Button color="red" loading={save.isPending} onClick={() => save.mutate()}>{t('structure.drop.do', { fields: dropped.join(', ') })}</Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  )
}

/** Who would miss a field. */
function Users({ app, field, uses }: { app: string; field: string; uses: FieldUse[] }) {
  return (
    <div>
      <Text fw={600}>{field}</Text>
      {uses.length === 0 ? <Text size="sm">{t('structure.unused')}</Text> : (
        <>
          <Text size="sm">{t('structure.usedBy', { n: uses.length })}</Text>
          <List size="sm">
            {uses.map((u) => (
              <List.Item key={u.scenario}>
                <Anchor size="sm" component={Link} href={`/a/${encodeURIComponent(app)}/scenarios/${u.scenario}`}>{u.name || u.scenario}</Anchor> <Badge size="sm" variant="light" color={u.published ? 'red' : 'yellow'} className="status">{t(u.published ? 'structure.published' : 'structure.inDraft')}</Badge>
                <Text size="xs">{u.places.join(', ')}</Text>
              </List.Item>
            ))}
          </List>
        </>
      )}
    </div>
  )
}

/** What stands in the way: each value that can not be converted, each scenario that would break. */
function Refused({ error }: { error: Error }) {
  const fields = error instanceof ApiError ? error.problem.fields : []
  if (fields.length === 0) return <Trouble error={error} />
  return (
    <Alert color="red" role="alert" title={t('structure.refused')}>
      <List size="sm">{fields.map((f, i) => <List.Item key={`${f.path} ${i}`}>{f.path ? <b>{f.path}: </b> : null}{f.message}</List.Item>)}</List>
    </Alert>
  )
}

function Warnings({ app, warnings }: { app: string; warnings: NonNullable<Structure['warnings']> }) {
  return (
    <Alert color="yellow" title={t('structure.warnings')}>
      <List size="sm">{warnings.map((w) => <List.Item key={w.scenario}><Anchor size="sm" component={Link} href={`/a/${encodeURIComponent(app)}/scenarios/${w.scenario}`}>{w.scenario}</Anchor>: {w.problems.map((p) => `${p.path}: ${p.message}`).join('; ')}</List.Item>)}</List>
    </Alert>
  )
}
