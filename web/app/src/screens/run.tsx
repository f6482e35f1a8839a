import { Alert, Anchor, Badge, Button, Code, Group, Paper, Stack, Text, Timeline, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link, useLocation } from 'wouter'

import { call } from '../api/client'
import { appPath, isOpen, queryClient, useKinds, useRun, useSteps } from '../api/queries'
import type { Run, StepRecord, Value } from '../api/types'
import { lasted, t } from '../i18n'
import { Trouble, Waiting } from '../ui/state'
import { Status } from '../ui/status'
import { Time } from '../ui/time'

/** One run: why it started, what each step did with which values, and what to do about a failure. */
export function RunDetail({ app, id }: { app: string; id: string }) {
  const run = useRun(app, id)
  const steps = useSteps(app, id, isOpen(run.data))
  const kinds = useKinds('step-kinds')
  if (run.isPending) return <Waiting />
  if (run.isError) return <Trouble error={run.error} retry={() => void run.refetch()} />
  const r = run.data
  const at = `/a/${encodeURIComponent(app)}`
  const titles = new Map(kinds.data?.items.map((k) => [k.kind, k.title]))
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
      <Paper withBorder p="md">
        <Title order={2} size="h4" mb="md">{t('run.log')}</Title>
        {steps.isError ? <Trouble error={steps.error} /> : null}
        <Timeline active={steps.data?.items.length ?? 0} bulletSize={14} lineWidth={1}>
          {steps.data?.items.map((s) => (
            <Timeline.Item key={s.seq} color={s.status === 'failed' ? 'red' : s.status === 'waiting' ? 'yellow' : 'green'} title={<Group gap="xs"><Text fw={600}>{titles.get(s.kind) ?? s.kind}</Text><Code>{s.step}</Code>{s.status === 'done' ? null : <Status status={s.status} />}{s.attempt ? <Badge variant="default">{t('run.attempt', { n: s.attempt + 1 })}</Badge> : null}</Group>}>
              <StepLine step={s} />
            </Timeline.Item>
          ))}
        </Timeline>
      </Paper>
    </Stack>
  )
}

function StepLine({ step }: { step: StepRecord }) {
  return (
    <Stack gap={4}>
      <Text size="sm"><Time at={step.at} />{step.deliveries ? ` · ${step.deliveries.online > 0 ? t('run.delivered', { n: step.deliveries.delivered }) : t('run.nobody')}` : ''}</Text>
      {step.error ? <Alert color="red" p="xs">{step.error}</Alert> : null}
      <Shown title={t('run.settings')} value={step.settings} />
      <Shown title={t('run.output')} value={step.output} />
    </Stack>
  )
}

function Shown({ title, value }: { title: string; value: Value | undefined }) {
  if (value === undefined || value === null) return null
  return (
    <details>
      <summary><Text span size="sm">{title}</Text></summary>
      <Code block>{JSON.stringify(value, null, 2)}</Code>
    </details>
  )
}

function Actions({ app, run }: { app: string; run: Run }) {
  const [, navigate] = useLocation()
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
        {run.status === 'failed' ? <Button size="xs" onClick={() => act.mutate('retry')}>{t('run.retry')}</Button> : null}
        {isOpen(run) ? <Button size="xs" variant="default" onClick={() => act.mutate('cancel')}>{t('run.cancel')}</Button> : <Button size="xs" variant="default" onClick={() => act.mutate('again')}>{t('run.again')}</Button>}
      </Group>
      {act.isError ? <Trouble error={act.error} /> : null}
    </Stack>
  )
}
