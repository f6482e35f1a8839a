import { Alert, Anchor, Grid, Group, Paper, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { Check, Circle } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'

import { useSeconds } from '../api/live'
import { isOpen, useConnections, useRuns, useScenarios } from '../api/queries'
import type { Run } from '../api/types'
import { t } from '../i18n'
import { Spark } from '../ui/spark'
import { Status } from '../ui/status'
import { Time } from '../ui/time'

const visited = (key: string): boolean => {
  try {
    return localStorage.getItem(`cuelight.${key}`) !== null
  } catch {
    return false // storage is off
  }
}

const visit = (key: string): void => localStorage.setItem(`cuelight.${key}`, '1')

/** What happens now and what needs somebody; in the first days, what to do next. Its ticks come from facts. */
export function Overview({ app }: { app: string }) {
  const scenarios = useScenarios(app)
  const runs = useRuns(app, {})
  const list = scenarios.data?.items ?? []
  const last = runs.data?.pages.flatMap((p) => p.items) ?? []
  const at = `/a/${encodeURIComponent(app)}`
  const seeded = new Set(['big-order', 'clock', 'order-ready', 'refresh-orders', 'relay'])
  const todo = [
    { key: 'demo', title: t('overview.demo'), why: t('overview.demo.why'), href: '/demo/', away: true, done: visited('demo') },
    { key: 'change', title: t('overview.change'), why: t('overview.change.why'), href: `${at}/objects/Order`, done: last.some((r) => r.change !== undefined) },
    { key: 'watch', title: t('overview.watch'), why: t('overview.watch.why'), href: last[0] ? `${at}/runs/${last[0].id}` : `${at}/runs`, done: visited('watch') },
    { key: 'build', title: t('overview.build'), why: t('overview.build.why'), href: `${at}/scenarios?new`, done: list.some((s) => !seeded.has(s.id)) },
  ]
  const troubled = list.filter((s) => (s.problems?.length ?? 0) > 0 || (s.notices?.length ?? 0) > 0)
  const failed = last.filter((r) => r.status === 'failed')
  return (
    <Stack>
      <Title order={1} size="h2">{t('overview.title')}</Title>
      <Strip app={app} runs={last} />
      <Grid>
        <Grid.Col span={{ base: 12, sm: 4 }}><Fact to={`${at}/scenarios`} label={t('overview.running')} value={list.filter((s) => s.state === 'running').length} /></Grid.Col>
        <Grid.Col span={{ base: 12, sm: 4 }}><Fact to={`${at}/runs`} label={t('overview.open')} value={last.filter(isOpen).length} /></Grid.Col>
        <Grid.Col span={{ base: 12, sm: 4 }}><Fact to={`${at}/runs?status=failed`} label={t('overview.failed')} value={failed.length} /></Grid.Col>
      </Grid>
      {app === 'demo' && todo.some((d) => !d.done) ? (
        <Paper withBorder p="md">
          <Title order={2} size="h4" mb="sm">{t('overview.first')}</Title>
          <Stack gap="xs" component="ol" p={0} m={0}>
            {todo.map((d, i) => (
              <Group key={d.key} component="li" wrap="nowrap" align="flex-start" gap="sm">
                <ThemeIcon radius="xl" color={d.done ? 'green' : 'gray'} variant="light" role="img" aria-label={d.done ? t('overview.done') : String(i + 1)}>{d.done ? <Check size={16} /> : <Circle size={16} />}</ThemeIcon>
                <div>
                  {d.away
                    ? <Anchor fw={600} href={d.href} target="_blank" onClick={() => visit(d.key)}>{d.title}</Anchor>
                    : <Anchor fw={600} component={Link} href={d.href} onClick={() => visit(d.key)}>{d.title}</Anchor>}
                  <Text size="sm">{d.why}</Text>
                </div>
              </Group>
            ))}
          </Stack>
        </Paper>
      ) : null}
      <Paper withBorder p="md">
        <Title order={2} size="h4" mb="sm">{t('overview.attention')}</Title>
        {troubled.length + failed.length === 0 ? <Text size="sm">{t('overview.quiet')}</Text> : null}
        <Stack gap="xs">
          {troubled.map((s) => (
            <Alert key={s.id} color="yellow" title={<Anchor component={Link} href={`${at}/scenarios/${s.id}`}>{s.name || s.id}</Anchor>}>
              {[...(s.problems ?? []), ...(s.notices ?? [])][0]?.message}
            </Alert>
          ))}
          {failed.slice(0, 5).map((r) => <RunLine key={r.id} app={app} run={r}>{r.error?.message}</RunLine>)}
        </Stack>
      </Paper>
      <Paper withBorder p="md">
        <Title order={2} size="h4" mb="sm">{t('overview.recent')}</Title>
        <Stack gap="xs">
          {last.slice(0, 8).map((r) => <RunLine key={r.id} app={app} run={r} />)}
          {last.length === 0 ? <Text size="sm">{t('runs.empty.why')}</Text> : null}
        </Stack>
      </Paper>
    </Stack>
  )
}

/** What happens this very minute. The socket keeps it true; without it the lists do. */
function Strip({ app, runs }: { app: string; runs: Run[] }) {
  const at = `/a/${encodeURIComponent(app)}`
  const seconds = useSeconds()
  const connections = useConnections(app)
  const minute = runs.filter((r) => Date.parse(r.created_at) > Date.now() - 60_000)
  // The list shows the last 50; the seconds count all, but only since this page is open.
  const started = Math.max(minute.length, seconds.reduce((n, s) => n + s.runs, 0))
  const failed = Math.max(minute.filter((r) => r.status === 'failed').length, seconds.reduce((n, s) => n + s.failed, 0))
  return (
    <Paper withBorder p="md" component="section" aria-label={t('overview.live')}>
      <Group gap="xl">
        <Figure to={`${at}/live?view=connections`} label={t('overview.connections')} value={connections.data?.items.length ?? 0} />
        <Figure to={`${at}/runs`} label={t('overview.perMinute')} value={started} />
        <Figure to={`${at}/runs?status=failed`} label={t('overview.failures')} value={failed} />
        {seconds.length > 1 ? <Spark wide={180} label={t('overview.perMinute')} values={seconds.map((s) => s.runs)} /> : null}
      </Group>
    </Paper>
  )
}

function Figure({ label, value, to }: { label: string; value: number; to: string }) {
  return (
    <div>
      <Anchor component={Link} href={to} size="sm">{label}</Anchor>
      <Text size="xl" fw={700} className="numbers" aria-label={`${label}: ${value}`} role="group">{value}</Text>
    </div>
  )
}

function Fact({ label, value, to }: { label: string; value: number; to: string }) {
  return (
    <Paper withBorder p="md">
      <Anchor component={Link} href={to} size="sm">{label}</Anchor>
      <Text size="xl" fw={700} className="numbers">{value}</Text>
    </Paper>
  )
}

function RunLine({ app, run, children }: { app: string; run: Run; children?: ReactNode }) {
  return (
    <Group gap="sm">
      <Status status={run.status} />
      <Anchor component={Link} href={`/a/${encodeURIComponent(app)}/runs/${run.id}`}>{run.scenario}</Anchor>
      {run.object ? <Text size="sm">{run.structure} {run.object}</Text> : null}
      <Text size="sm"><Time at={run.created_at} /></Text>
      {children ? <Text size="sm">{children}</Text> : null}
    </Group>
  )
}
