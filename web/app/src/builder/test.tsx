import { ActionIcon, Alert, Button, Code, Group, Menu, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { ChevronDown, Play, X } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { Link } from 'wouter'

import { call } from '../api/client'
import { appPath, useRun, useSteps } from '../api/queries'
import type { ScenarioDoc, Value } from '../api/types'
import { t } from '../i18n'
import { type Line, type Trace, traceOf } from '../model/trace'
import { useMay } from '../screens/may'
import { Trouble } from '../ui/state'
import { Status } from '../ui/status'

type Judged = { id: string; matches: boolean; condition?: { source: string; result: boolean | null; error?: string; reads: { path: string; value: Value }[] } }

type DryAnswer = { status: 'done' | 'failed' | 'ready' | 'cancelled'; error?: { step: string; code: string; message: string }; triggers: Judged[]; steps: Line[]; cut?: boolean }

/** Where a dry run begins, and the run whose data the steps before it left. */
export type From = { from?: string; recorded?: string; object?: string }

/** Tries the draft as it stands on a sample object. */
export function useTest(app: string, id: string, doc: ScenarioDoc, object: string, begin: From | undefined) {
  const [run, setRun] = useState('')
  const dry = useMutation({
    mutationFn: async (from: From | undefined) =>
      (await call<DryAnswer>('POST', appPath(app, `/scenarios/${encodeURIComponent(id)}/draft/test`), { document: doc, ...(object ? { object } : {}), ...from })).body,
    onMutate: () => { setRun(''); real.reset() },
  })
  const real = useMutation({
    mutationFn: async () => (await call<{ run: string }>('POST', appPath(app, `/scenarios/${encodeURIComponent(id)}/draft/test`), { document: doc, mode: 'real', ...(object ? { object } : {}) })).body.run,
    onMutate: () => dry.reset(),
    onSuccess: setRun,
  })
  const followed = useRun(app, run)
  const steps = useSteps(app, run, followed.data)
  const own = dry.data?.steps.filter((l) => l.scenario === id)
  const lines: Line[] | undefined = run ? steps.data?.items : own
  const trace = useMemo<Trace | undefined>(() => (lines ? traceOf(lines) : undefined), [lines])
  const tryDry = dry.mutate
  useEffect(() => {
    // From a run's page: its data, from one of its steps on.
    if (begin) tryDry(begin)
  }, [begin, tryDry])
  return {
    dry, real, trace, run, followed: followed.data, isDry: run === '',
    clear: () => { setRun(''); dry.reset(); real.reset() },
    all: (run ? (steps.data?.items ?? []) : (dry.data?.steps ?? [])) as Line[],
  }
}

export type Test = ReturnType<typeof useTest>

/** The buttons that try the draft: dry at first, for real when asked for. */
export function TestButtons({ test, disabled }: { test: Test; disabled: boolean }) {
  const { may, guard } = useMay('scenarios:write')
  return (
    <Button.Group>
      <Button size="xs" variant="default" leftSection={<Play size={14} />} disabled={disabled} loading={test.dry.isPending || test.real.isPending} onClick={() => test.dry.mutate(undefined)} {...guard}>{t('test.dry')}</Button>
      <Menu position="bottom-end">
        <Menu.Target><Button size="xs" variant="default" px={6} disabled={disabled || !may} aria-label={t('test.more')}><ChevronDown size={14} /></Button></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => test.dry.mutate(undefined)}><Text size="sm" fw={500}>{t('test.dry')}</Text><Text size="xs">{t('test.dry.why')}</Text></Menu.Item>
          <Menu.Item onClick={() => test.real.mutate()}><Text size="sm" fw={500}>{t('test.real')}</Text><Text size="xs">{t('test.real.why')}</Text></Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Button.Group>
  )
}

/** How the test went, in a line or two above the canvas. */
export function TestResult({ app, test }: { app: string; test: Test }) {
  const wrong = test.dry.error ?? test.real.error
  if (wrong) return <Trouble error={wrong} />
  const { dry, followed } = test
  const status = followed?.status ?? (dry.data?.cut ? undefined : dry.data?.status)
  if (!dry.data && !followed) return null
  const error = followed?.error ?? dry.data?.error
  const changes = test.all.reduce((n, l) => n + (l.changes?.length ?? 0), 0)
  const pushes = test.all.reduce((n, l) => n + (l.pushes?.length ?? 0), 0)
  const nothing = dry.data?.triggers.filter((g) => !g.matches) ?? []
  return (
    <Alert color={error ? 'red' : 'indigo'} p="xs" role="status" mb="xs">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4}>
          <Group gap="xs">
            <Text size="sm" fw={600}>{t(followed ? 'test.real' : 'test.dry')}</Text>
            {status && status !== 'ready' ? <Status status={status} /> : null}
            {dry.data ? <Text size="sm">{t('test.walked', { n: test.all.length })} · {t('test.changes', { n: changes })} · {t('test.pushes', { n: pushes })}</Text> : null}
            {followed ? <Link href={`/a/${encodeURIComponent(app)}/runs/${followed.id}`}>{t('objects.seeRun')}</Link> : null}
          </Group>
          {dry.data?.cut ? <Text size="sm">{t('test.cut')}</Text> : null}
          {error ? <Text size="sm">{error.step ? <Code>{error.step}</Code> : null} {error.message}</Text> : null}
          {nothing.map((g) => (
            <Text size="sm" key={g.id}>
              {t('test.noMatch', { id: g.id })} <Code>{g.condition?.source}</Code>{g.condition?.error ? ` ${g.condition.error}` : g.condition?.reads.map((r) => <span key={r.path}> · {r.path} = {JSON.stringify(r.value)}</span>)}
            </Text>
          ))}
        </Stack>
        <ActionIcon variant="subtle" aria-label={t('test.clear')} title={t('test.clear')} onClick={test.clear}><X size={16} /></ActionIcon>
      </Group>
    </Alert>
  )
}
