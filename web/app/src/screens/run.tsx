import { Alert, Anchor, Button, Code, Group, Paper, SegmentedControl, Stack, Text, Timeline, Title } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'

import { call } from '../api/client'
import { appPath, isOpen, queryClient, useAllKinds, useRun, useSteps, useVersion } from '../api/queries'
import type { Run, ScenarioDoc, Step, StepRecord } from '../api/types'
import { type Bench, BenchContext, Canvas, DocContext } from '../builder/canvas'
import { Result } from '../builder/result'
import { titleOf } from '../builder/say'
import { lasted, t } from '../i18n'
import { at } from '../model/document'
import { rows } from '../model/steps'
import { traceOf } from '../model/trace'
import { Trouble, Waiting } from '../ui/state'
import { Status } from '../ui/status'
import { Time } from '../ui/time'
import { useMay } from './may'

/** One run: why it started, what each step did with which values, and what to do about a failure. */
export function RunDetail({ app, id }: { app: string; id: string }) {
  const run = useRun(app, id)
  const steps = useSteps(app, id, run.data)
  if (run.isPending) return <Waiting />
  if (run.isError) return <Trouble error={run.error} retry={() => void run.refetch()} />
  const r = run.data
  const at = `/a/${encodeURIComponent(app)}`
  return (
    <Stack>
      <Group>
        <Title order={1} size="h2">{t('run.title', { scenario: r.scenario })}</Title>
        <Status status={r.status} />
        <Anchor component={Link} href={`${at}/scenarios/${r.scenario}`}>{t('run.version', { n: r.version })}</Anchor>
      </Group>
      <Group gap="md">
        {r.trigger ? <Text size="sm">{t('run.because', { trigger: r.trigger })}</Text> : null}
        {r.object ? <Anchor size="sm" component={Link} href={`${at}/objects/${r.structure}?filter=${encodeURIComponent(`id = "${r.object}"`)}`}>{r.structure} {r.object}</Anchor> : null}
        {r.change ? <Anchor size="sm" component={Link} href={`${at}/changes/${r.change}`}>{t('run.change', { n: r.change })}: {t('run.why')}</Anchor> : null}
        <Text size="sm"><Time at={r.created_at} /></Text>
        {r.finished_at ? <Text size="sm">{lasted(Date.parse(r.finished_at) - Date.parse(r.created_at))}</Text> : null}
      </Group>
      {r.error ? <Alert color="red" title={`${r.error.code}${r.error.step ? ` · ${r.error.step}` : ''}`}>{r.error.message}</Alert> : null}
      <Actions app={app} run={r} />
      {steps.isError ? <Trouble error={steps.error} /> : null}
      <Walked app={app} run={r} lines={steps.data?.items ?? []} more={steps.data?.next !== undefined} />
    </Stack>
  )
}

/** What the run walked: on the canvas of its own version, or line by line. */
function Walked({ app, run, lines, more }: { app: string; run: Run; lines: StepRecord[]; more: boolean }) {
  const version = useVersion(app, run.scenario, run.version)
  const phone = useMediaQuery('(max-width: 600px)', window.matchMedia('(max-width: 600px)').matches, { getInitialValueInEffect: false })
  const [view, setView] = useState(phone ? 'list' : 'canvas')
  const drawn = version.data !== undefined && view === 'canvas'
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2} size="h4">{t('run.log')}</Title>
        {version.data ? <SegmentedControl size="xs" aria-label={t('edit.view')} value={view} onChange={setView} data={[{ value: 'canvas', label: t('edit.canvas') }, { value: 'list', label: t('run.list') }]} /> : null}
      </Group>
      {more ? <Text size="sm">{t('run.first', { n: lines.length })}</Text> : null}
      {drawn ? <Painted app={app} run={run} doc={version.data} lines={lines} /> : <Log lines={lines} app={app} />}
    </Stack>
  )
}

function Painted({ app, run, doc, lines }: { app: string; run: Run; doc: ScenarioDoc; lines: StepRecord[] }) {
  const kinds = useAllKinds()
  const trace = useMemo(() => traceOf(lines), [lines])
  const [query, setQuery] = useSearchParams()
  const steps = useMemo(() => rows(doc, kinds, new Set()).flatMap((r) => (r.step ? [{ address: r.address, id: r.step.id }] : [])), [doc, kinds])
  const wanted = query.get('step') ?? run.error?.step ?? ''
  const selected = steps.find((s) => s.id === wanted)?.address
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const bench: Bench = {
    kinds, selected, trace, folded,
    select: (address) => setQuery((q) => {
      q.set('step', steps.find((s) => s.address === address)?.id ?? '')
      return q
    }, { replace: true }),
    fold: (id) => setFolded((old) => new Set(old.has(id) ? [...old].filter((other) => other !== id) : [...old, id])),
    chosen: () => false, wrong: () => undefined, problems: () => 0,
  }
  const step = selected ? at<Step>(doc, selected) : undefined
  return (
    <div className="bench">
      <BenchContext value={bench}><DocContext value={doc}><Canvas doc={doc} /></DocContext></BenchContext>
      <Paper withBorder p="md" component="section" aria-label={t('result.title')}>
        {step ? (
          <Stack gap="xs">
            <Title order={3} size="h4">{titleOf(step, kinds.get(`step:${step.kind}`) ?? kinds.get(`trigger:${step.kind}`))}</Title>
            {steps.some((s) => s.id === step.id) && !selected?.startsWith('triggers') ? <Anchor size="sm" component={Link} href={`/a/${encodeURIComponent(app)}/scenarios/${run.scenario}?run=${run.id}&from=${step.id}${run.object ? `&object=${encodeURIComponent(run.object)}` : ''}`}>{t('run.tryHere')}</Anchor> : null}
            <Result key={step.id} app={app} walks={trace.get(step.id) ?? []} dry={false} />
          </Stack>
        ) : <Text size="sm">{t('run.choose')}</Text>}
      </Paper>
    </div>
  )
}

function Log({ app, lines }: { app: string; lines: StepRecord[] }) {
  const kinds = useAllKinds()
  return (
    <Paper withBorder p="md">
      <Timeline active={lines.length} bulletSize={14} lineWidth={1}>
        {lines.map((s) => (
          <Timeline.Item key={s.seq} color={s.status === 'failed' ? 'red' : s.status === 'waiting' ? 'yellow' : 'green'} title={<Group gap="xs"><Text fw={600}>{kinds.get(`step:${s.kind}`)?.title ?? s.kind}</Text><Code>{s.step}</Code></Group>}>
            <Result app={app} walks={[s]} dry={false} />
          </Timeline.Item>
        ))}
      </Timeline>
    </Paper>
  )
}

function Actions({ app, run }: { app: string; run: Run }) {
  const [, navigate] = useLocation()
  const { guard } = useMay('runs:write')
  const act = useMutation({
    mutationFn: async (what: 'retry' | 'again' | 'cancel') => (await call<Run>('POST', appPath(app, `/runs/${encodeURIComponent(run.id)}/${what}`), {})).body,
    onSuccess: async (next) => {
      await queryClient.invalidateQueries({ queryKey: [app] })
      if (next.id !== run.id) navigate(`/a/${encodeURIComponent(app)}/runs/${next.id}`)
    },
  })
  return (
    <Stack gap="xs">
      <Group>
        {run.status === 'failed' ? <Button size="xs" onClick={() => act.mutate('retry')} {...guard}>{t('run.retry')}</Button> : null}
        {isOpen(run) ? <Button size="xs" variant="default" onClick={() => act.mutate('cancel')} {...guard}>{t('run.cancel')}</Button> : <Button size="xs" variant="default" onClick={() => act.mutate('again')} {...guard}>{t('run.again')}</Button>}
      </Group>
      {act.isError ? <Trouble error={act.error} /> : null}
    </Stack>
  )
}
