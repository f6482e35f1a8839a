import { Anchor, Button, Group } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueries } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'

import { type Answer, ApiError, call } from '../api/client'
import { appPath, isOpen, queryClient } from '../api/queries'
import type { Page, Run, StepRecord, Thing } from '../api/types'
import { t } from '../i18n'

/** Says what a write set off: which object, how many scenarios ran, how many connections it reached, and where to look. */
export function tell(app: string, what: string, answer: Answer<Thing | undefined>, undo?: () => Promise<void>) {
  const runs = answer.headers.get('Cuelight-Runs')?.split(',').filter(Boolean) ?? []
  const change = answer.headers.get('Cuelight-Change')
  const id = notifications.show({
    title: what,
    autoClose: undo ? 15_000 : 8000,
    message: <Outcome app={app} runs={runs} change={change} undo={undo && (async () => { await undo(); notifications.hide(id) })} />,
  })
  void queryClient.invalidateQueries({ queryKey: [app] })
}

/** Says in a message what went wrong. */
export function complain(what: string, error: unknown) {
  const problem = error instanceof ApiError ? error.problem : undefined
  notifications.show({ color: 'red', title: what, message: problem?.fields[0] ? problem.fields.map((f) => `${f.path}: ${f.message}`).join('; ') : (problem?.detail ?? String(error)), autoClose: 12_000 })
}

/** How many of the runs of one write are looked at for their deliveries. */
const mostRuns = 20

function Outcome({ app, runs, change, undo }: { app: string; runs: string[]; change: string | null; undo: (() => Promise<void>) | undefined }) {
  const [since] = useState(() => Date.now())
  const [undoing, setUndoing] = useState(false)
  // Deliveries are counted up to a second after the run has ended.
  const again = () => (Date.now() - since < 4000 ? 400 : (false as const))
  const followed = useQueries({
    queries: runs.slice(0, mostRuns).map((run) => ({
      queryKey: [app, 'outcome', run],
      refetchInterval: again,
      queryFn: async () => {
        const [it, steps] = await Promise.all([call<Run>('GET', appPath(app, `/runs/${run}`)), call<Page<StepRecord>>('GET', appPath(app, `/runs/${run}/steps?limit=200`))])
        return { run: it.body, delivered: steps.body.items.reduce((n, s) => n + (s.deliveries?.delivered ?? 0), 0), pushed: steps.body.items.some((s) => s.deliveries) }
      },
    })),
  }, queryClient)
  const known = followed.flatMap((f) => (f.data ? [f.data] : []))
  const delivered = known.reduce((n, k) => n + k.delivered, 0)
  const settled = known.length === Math.min(runs.length, mostRuns) && known.every((k) => !isOpen(k.run))
  const failed = known.filter((k) => k.run.status === 'failed').length
  const at = `/a/${encodeURIComponent(app)}`
  return (
    <Group gap="xs" c="var(--mantine-color-text)">
      <span>{runs.length > 0 ? t('objects.ran', { n: runs.length }) : t('objects.noRun')}</span>
      {failed > 0 ? <span>· {t('objects.failed', { n: failed })}</span> : null}
      {known.some((k) => k.pushed) && (delivered > 0 || settled) ? <span>· {delivered > 0 ? t('run.delivered', { n: delivered }) : t('run.nobody')}</span> : null}
      {runs[0] ? <Anchor size="sm" component={Link} href={`${at}/runs/${runs[0]}`}>{t('objects.seeRun')}</Anchor> : null}
      {change ? <Anchor size="sm" component={Link} href={`${at}/changes/${change}`}>{t('objects.whyNot')}</Anchor> : null}
      {undo ? <Button size="compact-xs" variant="light" loading={undoing} onClick={() => { setUndoing(true); void undo().catch((e: unknown) => complain(t('objects.undo'), e)).finally(() => setUndoing(false)) }}>{t('objects.undo')}</Button> : null}
    </Group>
  )
}
