import { ActionIcon, Alert, Badge, Button, Drawer, Group, Menu, NativeSelect, SegmentedControl, Stack, Text, Title, Tooltip } from '@mantine/core'
import { useDebouncedValue, useHotkeys, useMediaQuery } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Keyboard, Redo2, Search, Undo2 } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { useSearchParams } from 'wouter'

import { call } from '../api/client'
import { type DraftSaved, useHeard, usePresence } from '../api/live'
import { appPath, queryClient, useAllKinds, useKinds, useObjects, usePreview, useScenario, useScenarios, useSession, useStructures } from '../api/queries'
import type { Kind, Scenario, ScenarioDoc, Step } from '../api/types'
import { type Asked, AskingContext, type Focused } from '../form/asking'
import { t } from '../i18n'
import { at, parentOf, put } from '../model/document'
import { isStep } from '../model/steps'
import { eventOf, fill, firstTemplates, suited, type TemplateID } from '../model/templates'
import { useMay } from '../screens/may'
import { Offer } from '../screens/offer'
import { RunTable } from '../screens/runs'
import { Trouble, Waiting } from '../ui/state'
import { StateBadge } from '../ui/status'
import { Available } from './available'
import { About } from './about'
import { type Bench, BenchContext, Canvas, DocContext } from './canvas'
import { type Editor, type Problem, useDraftEditor } from './draft'
import { type Editing as Edits, useEditing } from './editing'
import { Find } from './find'
import { Inspector } from './inspector'
import { Result } from './result'
import { type From, TestButtons, TestResult, useTest } from './test'
import { KeysHelp } from './keys-help'
import { Outline } from './outline'
import { Palette } from './palette'
import { Publish } from './publish'
import { problemsAt, problemsWithin } from './say'
import { suggest } from './suggest'
import { StepMenu } from './step-menu'
import { type Unread, UnreadBanner } from './unread'

const YamlTab = lazy(async () => ({ default: (await import('./yaml-tab')).YamlTab }))
const Versions = lazy(async () => ({ default: (await import('./versions')).Versions }))
const Conflicting = lazy(async () => ({ default: (await import('./versions')).Conflicting }))

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
  const [unread, setUnread] = useState<Unread>()
  const kinds = useAllKinds()
  const editing = useEditing(editor, kinds, tab === 'edit')
  const show = (address: string, field: string) => {
    setTab('edit')
    if (address) editing.go(address, field)
    else editing.select(undefined) // it speaks of the scenario itself
  }
  return (
    <Stack>
      <Bar app={app} id={id} editor={editor} tab={tab} setTab={setTab} kinds={kinds} show={show} />
      {tab === 'edit' && unread ? <UnreadBanner unread={unread} back={() => setTab('yaml')} drop={() => setUnread(undefined)} /> : null}
      {tab === 'edit' ? <Workbench app={app} id={id} editor={editor} editing={editing} /> : null}
      {tab === 'runs' ? <RunTable app={app} filter={{ scenario: id }} /> : null}
      <Suspense fallback={<Waiting />}>
        {tab === 'yaml' ? <YamlTab editor={editor} kinds={kinds} selected={editing.selected} unread={unread} setUnread={setUnread} /> : null}
        {tab === 'versions' ? <Versions app={app} id={id} editor={editor} kinds={kinds} restored={() => setTab('edit')} /> : null}
      </Suspense>
      <KeysHelp opened={editing.helping} close={() => editing.setHelping(false)} />
    </Stack>
  )
}

function Bar({ app, id, editor, tab, setTab, kinds, show }: { app: string; id: string; editor: Editor; tab: string; setTab: (tab: string) => void; kinds: Map<string, Kind>; show: (address: string, field: string) => void }) {
  const scenario = useScenario(app, id)
  const state = scenario.data?.state
  const path = appPath(app, `/scenarios/${encodeURIComponent(id)}`)
  const after = async () => {
    await queryClient.invalidateQueries({ queryKey: [app, 'scenarios'] })
    await editor.renew()
  }
  const publish = useMutation({
    mutationFn: async (note: string) => {
      if (!(await editor.flush())) throw new Error(t('builder.conflict'))
      return (await call<Scenario>('POST', `${path}/publish`, { start: true, ...(note ? { note } : {}) })).body
    },
    onSuccess: async (s) => {
      notifications.show({ color: 'green', message: t('builder.published', { n: s.version }) })
      await after()
    },
  })
  const toggle = useMutation({ mutationFn: (how: 'start' | 'stop' | 'pause') => call('POST', `${path}/${how}`, {}), onSettled: after })
  const wrong = publish.error ?? toggle.error
  const failed = publish.isError
  const forget = publish.reset
  // What was refused was another draft than this one.
  useEffect(() => {
    if (failed) forget()
  // biome-ignore lint/correctness/useExhaustiveDependencies: an edit is what makes it old
  }, [editor.doc])
  const [differing, setDiffering] = useState(false)
  const { guard } = useMay('scenarios:write')
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Group gap="xs">
          <Title order={1} size="h3">{editor.doc.name || id}</Title>
          {state ? <StateBadge state={state} /> : null}
          {scenario.data?.unpublished ? <Badge variant="light" color="yellow" className="status">{t('scenarios.draft')}</Badge> : null}
          <SavingNote editor={editor} />
          <Others id={id} />
        </Group>
        <Group gap="xs">
          <Tooltip label={t('builder.undo')}><ActionIcon variant="default" aria-label={t('builder.undo')} disabled={!editor.canUndo} onClick={editor.undo}><Undo2 size={16} /></ActionIcon></Tooltip>
          <Tooltip label={t('builder.redo')}><ActionIcon variant="default" aria-label={t('builder.redo')} disabled={!editor.canRedo} onClick={editor.redo}><Redo2 size={16} /></ActionIcon></Tooltip>
          <SegmentedControl size="xs" aria-label={t('builder.scenario')} value={tab} onChange={setTab} data={[{ value: 'edit', label: t('builder.edit') }, { value: 'runs', label: t('builder.runs') }, { value: 'yaml', label: t('builder.yaml') }, { value: 'versions', label: t('versions.title') }]} />
          <Problems editor={editor} show={show} />
          {state === 'running' ? <Button size="xs" variant="default" loading={toggle.isPending} onClick={() => toggle.mutate('pause')} {...guard}>{t('builder.pause')}</Button> : null}
          {scenario.data && scenario.data.version > 0 ? <Button size="xs" variant="default" loading={toggle.isPending} onClick={() => toggle.mutate(state === 'running' ? 'stop' : 'start')} {...guard}>{t(state === 'running' ? 'builder.stop' : 'builder.start')}</Button> : null}
          <Publish app={app} id={id} version={scenario.data?.version ?? 0} label={t(state === 'running' ? 'builder.publish' : 'builder.publishStart')} busy={publish.isPending} editor={editor} kinds={kinds} publish={(note) => publish.mutate(note)} />
        </Group>
      </Group>
      {editor.saving.state === 'conflict' ? (
        <Alert color="yellow" title={t('builder.conflict')}>
          <Group><Button size="xs" onClick={() => void editor.keepMine()}>{t('builder.mine')}</Button><Button size="xs" variant="default" onClick={() => void editor.takeTheirs()}>{t('builder.theirs')}</Button><Button size="xs" variant="subtle" aria-expanded={differing} onClick={() => setDiffering(!differing)}>{t('builder.seeDifference')}</Button></Group>
          {differing ? <Suspense fallback={<Waiting />}><Conflicting app={app} id={id} editor={editor} kinds={kinds} /></Suspense> : null}
        </Alert>
      ) : null}
      <SavedByOther id={id} editor={editor} />
      {wrong ? <Trouble error={wrong} /> : null}
    </Stack>
  )
}

/** Who else has this scenario open. */
function Others({ id }: { id: string }) {
  const session = useSession()
  const others = usePresence(id).filter((who) => who !== session.data?.id)
  return <span role="status">{others.length > 0 ? <Badge variant="light" color="blue" className="status">{t('builder.here', { who: others.join(', ') })}</Badge> : null}</span>
}

/** Says that another account has saved this draft, as soon as it has. */
function SavedByOther({ id, editor }: { id: string; editor: Editor }) {
  const session = useSession()
  const [saved, setSaved] = useState<DraftSaved>()
  const last = useRef(0)
  useHeard<DraftSaved>('draft.saved', (news) => {
    if (news.scenario !== id) return
    last.current = Math.max(last.current, news.rev)
    if (news.by !== session.data?.id) setSaved(news)
  })
  if (!saved || saved.rev < last.current || editor.saving.state === 'conflict' || saved.rev <= editor.revision()) return null
  return (
    <Alert color="yellow" role="status" title={t('builder.savedBy', { who: saved.by })}>
      <Button size="xs" variant="default" onClick={() => void editor.takeTheirs().then(() => setSaved(undefined))}>{t('builder.theirs')}</Button>
    </Alert>
  )
}

function SavingNote({ editor }: { editor: Editor }) {
  const { saving } = editor
  if (saving.state === 'conflict') return null
  return <Text size="sm" aria-live="polite" c={saving.state === 'failed' ? 'red' : undefined}>{saving.state === 'failed' ? t('builder.unsaved', { why: saving.why }) : t(`builder.${saving.state}`)}</Text>
}

/** How many problems keep the draft from being published; each leads to its field. */
function Problems({ editor, show }: { editor: Editor; show: (address: string, field: string) => void }) {
  const n = editor.problems.length
  if (n === 0) return <Text size="sm">{t('builder.noProblems')}</Text>
  const lead = (path: string) => {
    // The path up to the innermost step is its address; what comes behind it is the setting.
    const last = [...path.matchAll(/(?:^|\.)(?:triggers|steps|then|else|do|catch)\[\d+\](?=\.|$)/g)].at(-1)
    const end = last ? last.index + last[0].length : 0
    const [address, field] = [path.slice(0, end), path.slice(end + 1)]
    show(address, field)
  }
  return (
    <Menu>
      <Menu.Target><Button size="xs" color="red" variant="light">{t('builder.problems', { n })}</Button></Menu.Target>
      <Menu.Dropdown>{editor.problems.map((p) => <Menu.Item key={p.path + p.code} onClick={() => lead(p.path)}><Text size="sm">{p.path}: {p.message}</Text></Menu.Item>)}</Menu.Dropdown>
    </Menu>
  )
}

function Workbench({ app, id, editor, editing }: { app: string; id: string; editor: Editor; editing: Edits }) {
  const { doc, edit, problems } = editor
  const { kinds, selected, select, range, folded, fold, addAt, adding } = editing
  const steps = useKinds('step-kinds')
  const triggers = useKinds('trigger-kinds')
  const structures = useStructures(app)
  const scenarios = useScenarios(app)
  const phone = useMediaQuery('(max-width: 600px)', window.matchMedia('(max-width: 600px)').matches, { getInitialValueInEffect: false })
  const [view, setView] = useState(phone ? 'outline' : 'canvas')
  const sample = useSample(app, doc.structure)
  const [quiet] = useDebouncedValue(doc, 150)
  const preview = usePreview(app, id, quiet, sample.id)
  const previews = useMemo(() => new Map((preview.data ?? []).map((p) => [p.path, p])), [preview.data])
  const [query] = useSearchParams()
  const [run, from, object] = [query.get('run'), query.get('from'), query.get('object')]
  const begin = useMemo<From | undefined>(() => (run ? { recorded: run, ...(from ? { from } : {}), ...(object ? { object } : {}) } : undefined), [run, from, object])
  const test = useTest(app, id, doc, sample.id, begin)
  useHotkeys([['mod+Enter', () => problems.length === 0 && test.dry.mutate(undefined)]], [])
  const bench = useMemo<Bench>(() => ({
    kinds, selected, select, folded, fold,
    add: addAt, trace: test.trace,
    chosen: (address) => range !== undefined && isStep(address) && parentOf(address).list === range.list && parentOf(address).index >= range.from && parentOf(address).index <= range.to,
    wrong: (address) => problemsAt(problems, address)[0]?.message,
    problems: (address, within) => (within ? problemsWithin(problems, address) : problemsAt(problems, address).length),
  }), [kinds, selected, select, folded, fold, addAt, range, problems, test.trace])
  const narrow = useMediaQuery('(max-width: 900px)', window.matchMedia('(max-width: 900px)').matches, { getInitialValueInEffect: false })
  const [focused, setFocused] = useState<Focused>()
  const latest = useRef({ doc, sample: sample.id })
  latest.current = { doc, sample: sample.id }
  const ask = useCallback(async (path: string, text: string, pos: number) => {
    const { doc: document, sample: object } = latest.current
    const found = (await call<Asked>('POST', appPath(app, `/scenarios/${encodeURIComponent(id)}/draft/complete`), { document, path, text, pos, ...(object ? { object } : {}) })).body
    return suggest(app, path, text, pos, found)
  }, [app, id])
  const asking = useMemo(() => ({ address: selected ?? '', ask, focused: setFocused }), [selected, ask])
  const step = selected && isStep(selected) ? at<Step>(doc, selected) : undefined
  if (steps.isError) return <Trouble error={steps.error} retry={() => void steps.refetch()} />
  const nouns = {
    structures: (structures.data?.items ?? []).map((s) => s.id),
    scenarios: (scenarios.data?.items ?? []).map((s) => s.id),
    fieldsOf: (structure: string | undefined) => structures.data?.items.find((s) => s.id === structure)?.fields ?? [],
    structure: doc.structure,
  }
  const start = firstTemplates.flatMap((id) => {
    const fitting = suited(id, structures.data?.items ?? []).find((s) => !doc.structure || s.id === doc.structure)
    return fitting ? [{ id, fitting }] : []
  })
  const fillWith = (id: TemplateID) => {
    const fitting = start.find((s) => s.id === id)?.fitting
    if (fitting) edit({ ...doc, structure: fitting.id, ...fill(id, fitting, eventOf(id, fitting)) })
  }
  const kind = step && selected ? kinds.get(`${selected.startsWith('triggers') ? 'trigger' : 'step'}:${step.kind}`) : undefined
  const inspector = (
    <AskingContext value={asking}>
    {step ? <Inspector
      step={step} address={selected} kind={kind} problems={problems} previews={previews} sample={doc.structure && sample.id ? `${doc.structure} ${sample.id}` : ''} nouns={nouns} act={editing.act} change={(name, value) => selected && edit(put(doc, `${selected}.${name}`, value), `${selected}.${name}`)}
      result={step && test.trace ? <Result key={step.id} app={app} walks={test.trace.get(step.id) ?? []} dry={test.isDry} from={() => test.dry.mutate({ ...begin, ...(test.run ? { recorded: test.run } : {}), from: step.id })} /> : null}
      menu={step ? <StepMenu act={editing.act} trigger={selected?.startsWith('triggers') ?? false} off={step.disabled === true} /> : null}
    /> : <About doc={doc} structures={structures.data?.items ?? []} problems={problems} edit={edit} />}
    {step && focused?.path.startsWith(`${selected}.`) ? <Available field={focused} ask={ask} sample={sample.id} open={!narrow} /> : null}
    </AskingContext>
  )
  const close = () => {
    editing.setPanel(false)
    if (selected) editing.go(selected)
  }
  return (
    <div className="bench">
      <div>
      <Group gap="xs" mb="xs">
        {sample.picker}
        <TestButtons test={test} disabled={problems.length > 0} />
        <SegmentedControl size="xs" aria-label={t('edit.view')} value={view} onChange={setView} data={[{ value: 'canvas', label: t('edit.canvas') }, { value: 'outline', label: t('edit.outline') }]} />
        <ActionIcon variant="default" aria-label={t('edit.find')} title={`${t('edit.find')} (Ctrl+F)`} onClick={() => editing.setFinding(true)}><Search size={16} /></ActionIcon>
        <ActionIcon variant="default" aria-label={t('keys.title')} title={`${t('keys.title')} (?)`} onClick={() => editing.setHelping(true)}><Keyboard size={16} /></ActionIcon>
      </Group>
      <TestResult app={app} test={test} />
      {!doc.triggers?.length && !doc.steps?.length && start.length > 0 ? <Stack gap={6} mb="sm"><Text size="sm">{t('templates.start')}</Text><Offer only={start.map((s) => s.id)} use={fillWith} /></Stack> : null}
      {editing.finding ? <Find editing={editing} /> : null}
      {view === 'canvas' ? <BenchContext value={bench}><DocContext value={doc}><Canvas doc={doc} /></DocContext></BenchContext> : <Outline editing={editing} problems={problems} />}
      </div>
{phone
        ? <Drawer opened={editing.panel && step !== undefined} onClose={close} position="bottom" size="75%" title={kind?.title ?? ''} closeButtonProps={{ 'aria-label': t('close') }} returnFocus={false}>{inspector}</Drawer>
        : <div>{inspector}</div>}
      <Palette opened={adding !== undefined} title={t(adding?.list === 'triggers' ? 'builder.addTrigger' : 'builder.addStep')} kinds={(adding?.list === 'triggers' ? triggers : steps).data?.items ?? []} choose={editing.choose} close={() => { editing.setAdding(undefined); editing.go(selected ?? adding?.list ?? 'steps') }} />
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
    ? <NativeSelect size="xs" w={220} aria-label={t('builder.sample')} leftSection="→" value={id} data={list.map((o) => ({ value: o.id, label: `${t('builder.sample')}: ${structure} ${o.id}` }))} onChange={(e) => pick(e.currentTarget.value)} />
    : null
  return { id, picker }
}
