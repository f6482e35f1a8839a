import { ActionIcon, Alert, Badge, Button, Group, Menu, NativeSelect, SegmentedControl, Stack, Text, Title, Tooltip } from '@mantine/core'
import { useDebouncedValue, useHotkeys } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Redo2, Undo2 } from 'lucide-react'
import { useMemo, useState } from 'react'

import { call } from '../api/client'
import { appPath, queryClient, useKinds, useObjects, usePreview, useScenario, useScenarios, useStructures } from '../api/queries'
import type { Kind, Scenario, ScenarioDoc, Step } from '../api/types'
import { t } from '../i18n'
import { type Address, at, copyFor, freshID, insert, move, parentOf, put, remove } from '../model/document'
import { RunTable } from '../screens/runs'
import { Trouble, Waiting } from '../ui/state'
import { StateBadge } from '../ui/status'
import { type Bench, BenchContext, Canvas, DocContext } from './canvas'
import { DocumentTab } from './document-tab'
import { type Editor, type Problem, useDraftEditor } from './draft'
import { Inspector } from './inspector'
import { Palette } from './palette'

/** A scenario: its draft to edit, its runs, and its document as text. */
export function Builder({ app, id }: { app: string; id: string }) {
  const path = appPath(app, `/scenarios/${encodeURIComponent(id)}`)
  const loaded = useQuery({
    queryKey: [app, 'editing', id],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: async () => {
      const draft = await call<ScenarioDoc>('GET', `${path}/draft`)
      return { doc: draft.body, etag: draft.headers.get('ETag'), problems: [] as Problem[] }
    },
  })
  if (loaded.isPending) return <Waiting />
  if (loaded.isError) return <Trouble error={loaded.error} retry={() => void loaded.refetch()} />
  return <Editing app={app} id={id} loaded={loaded.data} />
}

function Editing({ app, id, loaded }: { app: string; id: string; loaded: { doc: ScenarioDoc; etag: string | null; problems: Problem[] } }) {
  const editor = useDraftEditor(app, id, loaded)
  const [tab, setTab] = useState('edit')
  return (
    <Stack>
      <Bar app={app} id={id} editor={editor} tab={tab} setTab={setTab} />
      {tab === 'edit' ? <Workbench app={app} id={id} editor={editor} /> : null}
      {tab === 'runs' ? <RunTable app={app} filter={{ scenario: id }} /> : null}
      {tab === 'json' ? <DocumentTab editor={editor} /> : null}
    </Stack>
  )
}

function Bar({ app, id, editor, tab, setTab }: { app: string; id: string; editor: Editor; tab: string; setTab: (tab: string) => void }) {
  const scenario = useScenario(app, id)
  const state = scenario.data?.state
  const path = appPath(app, `/scenarios/${encodeURIComponent(id)}`)
  const after = async () => {
    await queryClient.invalidateQueries({ queryKey: [app, 'scenarios'] })
    await editor.renew()
  }
  const publish = useMutation({
    mutationFn: async () => {
      if (!(await editor.flush())) throw new Error(t('builder.conflict'))
      return (await call<Scenario>('POST', `${path}/publish`, { start: true })).body
    },
    onSuccess: async (s) => {
      notifications.show({ color: 'green', message: t('builder.published', { n: s.version }) })
      await after()
    },
  })
  const toggle = useMutation({ mutationFn: (how: 'start' | 'stop') => call('POST', `${path}/${how}`, {}), onSettled: after })
  const wrong = publish.error ?? toggle.error
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Group gap="xs">
          <Title order={1} size="h3">{editor.doc.name || id}</Title>
          {state ? <StateBadge state={state} /> : null}
          {scenario.data?.unpublished ? <Badge variant="light" color="yellow" className="status">{t('scenarios.draft')}</Badge> : null}
          <SavingNote editor={editor} />
        </Group>
        <Group gap="xs">
          <Tooltip label={t('builder.undo')}><ActionIcon variant="default" aria-label={t('builder.undo')} disabled={!editor.canUndo} onClick={editor.undo}><Undo2 size={16} /></ActionIcon></Tooltip>
          <Tooltip label={t('builder.redo')}><ActionIcon variant="default" aria-label={t('builder.redo')} disabled={!editor.canRedo} onClick={editor.redo}><Redo2 size={16} /></ActionIcon></Tooltip>
          <SegmentedControl size="xs" aria-label={t('builder.scenario')} value={tab} onChange={setTab} data={[{ value: 'edit', label: t('builder.edit') }, { value: 'runs', label: t('builder.runs') }, { value: 'json', label: t('builder.json') }]} />
          <Problems editor={editor} />
          {scenario.data && scenario.data.version > 0 ? <Button size="xs" variant="default" loading={toggle.isPending} onClick={() => toggle.mutate(state === 'running' ? 'stop' : 'start')}>{t(state === 'running' ? 'builder.stop' : 'builder.start')}</Button> : null}
          <Button size="xs" loading={publish.isPending} onClick={() => publish.mutate()}>{t(state === 'running' ? 'builder.publish' : 'builder.publishStart')}</Button>
        </Group>
      </Group>
      {editor.saving.state === 'conflict' ? (
        <Alert color="yellow" title={t('builder.conflict')}>
          <Group><Button size="xs" onClick={() => void editor.keepMine()}>{t('builder.mine')}</Button><Button size="xs" variant="default" onClick={() => void editor.takeTheirs()}>{t('builder.theirs')}</Button></Group>
        </Alert>
      ) : null}
      {wrong ? <Trouble error={wrong} /> : null}
    </Stack>
  )
}

function SavingNote({ editor }: { editor: Editor }) {
  const { saving } = editor
  if (saving.state === 'conflict') return null
  return <Text size="sm" aria-live="polite" c={saving.state === 'failed' ? 'red' : undefined}>{saving.state === 'failed' ? t('builder.unsaved', { why: saving.why }) : t(`builder.${saving.state}`)}</Text>
}

/** How many problems keep the draft from being published; each leads to its card. */
function Problems({ editor }: { editor: Editor }) {
  const n = editor.problems.length
  if (n === 0) return <Text size="sm">{t('builder.noProblems')}</Text>
  const show = (path: string) => document.querySelector<HTMLElement>(`[data-address="${CSS.escape(path.replace(/\.[a-z_]+(\.[^[\]]*)?$/, ''))}"]`)?.click()
  return (
    <Menu>
      <Menu.Target><Button size="xs" color="red" variant="light">{t('builder.problems', { n })}</Button></Menu.Target>
      <Menu.Dropdown>{editor.problems.map((p) => <Menu.Item key={p.path + p.code} onClick={() => show(p.path)}><Text size="sm">{p.path}: {p.message}</Text></Menu.Item>)}</Menu.Dropdown>
    </Menu>
  )
}

function Workbench({ app, id, editor }: { app: string; id: string; editor: Editor }) {
  const { doc, edit, problems } = editor
  const steps = useKinds('step-kinds')
  const triggers = useKinds('trigger-kinds')
  const structures = useStructures(app)
  const scenarios = useScenarios(app)
  const [selected, select] = useState<Address>()
  const sample = useSample(app, doc.structure)
  const [quiet] = useDebouncedValue(doc, 150)
  const preview = usePreview(app, id, quiet, sample.id)
  const previews = useMemo(() => new Map((preview.data ?? []).map((p) => [p.path, p])), [preview.data])
  const [adding, setAdding] = useState<{ list: Address; index: number }>()
  const kinds = useMemo(() => new Map<string, Kind>([
    ...(steps.data?.items ?? []).map((k) => [`step:${k.kind}`, k] as const),
    ...(triggers.data?.items ?? []).map((k) => [`trigger:${k.kind}`, k] as const),
  ]), [steps.data, triggers.data])
  const bench = useMemo<Bench>(() => ({
    kinds, selected, select,
    add: (list, index) => setAdding({ list, index }),
    wrong: (address) => problems.find((p) => p.path === address || (p.path.startsWith(`${address}.`) && !/\.(then|else|do|catch|cases\[\d+\]\.then)\[\d+\]/.test(p.path.slice(address.length))))?.message,
  }), [kinds, selected, problems])
  const step = selected ? at<Step>(doc, selected) : undefined

  const act = (what: 'delete' | 'duplicate' | 'up' | 'down') => {
    if (!selected || !step) return
    if (what === 'delete') {
      edit(remove(doc, selected))
      select(undefined)
      return
    }
    const { list, index } = parentOf(selected)
    if (what === 'duplicate') {
      edit(insert(doc, list, index + 1, copyFor(doc, step)))
      select(`${list}[${index + 1}]`)
      return
    }
    const moved = move(doc, selected, what === 'up' ? -1 : 1)
    edit(moved.doc)
    select(moved.address)
  }
  const choose = (kind: Kind) => {
    if (!adding) return
    const fresh: Step = { id: freshID(doc, kind.kind), kind: kind.kind }
    if (kind.kind === 'push') fresh['to'] = '*'
    if (kind.kind === 'object') fresh['on'] = ['changed']
    edit(insert(doc, adding.list, adding.index, fresh))
    select(`${adding.list}[${adding.index}]`)
    setAdding(undefined)
  }
  useHotkeys([
    ['mod+Z', () => editor.undo()], ['mod+shift+Z', () => editor.redo()], ['mod+Y', () => editor.redo()],
    ['Delete', () => act('delete')], ['mod+D', () => act('duplicate')],
    ['/', () => setAdding(selected ? { list: parentOf(selected).list, index: parentOf(selected).index + 1 } : { list: 'steps', index: doc.steps?.length ?? 0 })],
  ])
  if (steps.isError) return <Trouble error={steps.error} retry={() => void steps.refetch()} />
  const nouns = {
    structures: (structures.data?.items ?? []).map((s) => s.id),
    scenarios: (scenarios.data?.items ?? []).map((s) => s.id),
    fieldsOf: (structure: string | undefined) => structures.data?.items.find((s) => s.id === structure)?.fields ?? [],
    structure: doc.structure,
  }
  const kind = step && selected ? kinds.get(`${selected.startsWith('triggers') ? 'trigger' : 'step'}:${step.kind}`) : undefined
  return (
    <div className="bench">
      <div>
      {sample.picker}
      <BenchContext value={bench}><DocContext value={doc}><Canvas doc={doc} /></DocContext></BenchContext>
      </div>
      <Inspector step={step} address={selected} kind={kind} problems={problems} previews={previews} nouns={nouns} act={act} change={(name, value) => selected && edit(put(doc, `${selected}.${name}`, value), `${selected}.${name}`)} />
      <Palette opened={adding !== undefined} title={t(adding?.list === 'triggers' ? 'builder.addTrigger' : 'builder.addStep')} kinds={(adding?.list === 'triggers' ? triggers : steps).data?.items ?? []} choose={choose} close={() => setAdding(undefined)} />
    </div>
  )
}

/** The object on which the settings are shown; the last one that was chosen for a structure stays. */
function useSample(app: string, structure: string | undefined) {
  const objects = useObjects(app, structure ?? '', {})
  const key = `cuelight.sample.${app}.${structure}`
  const [chosen, setChosen] = useState(() => {
    try {
      return localStorage.getItem(key) ?? ''
    } catch {
      return '' // storage is off
    }
  })
  const list = objects.data?.pages[0]?.items ?? []
  const id = list.some((o) => o.id === chosen) ? chosen : (list[0]?.id ?? '')
  const pick = (next: string) => {
    setChosen(next)
    localStorage.setItem(key, next)
  }
  const picker = structure && list.length > 0
    ? <NativeSelect size="xs" mb="xs" w={280} aria-label={t('builder.sample')} leftSection="→" value={id} data={list.map((o) => ({ value: o.id, label: `${t('builder.sample')}: ${structure} ${o.id}` }))} onChange={(e) => pick(e.currentTarget.value)} />
    : null
  return { id, picker }
}
