import { ActionIcon, Alert, Anchor, Button, Code, Group, Stack, Table, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'wouter'

import { call } from '../api/client'
import { appPath } from '../api/queries'
import type { Value } from '../api/types'
import { t } from '../i18n'
import { firstFailed, type Line } from '../model/trace'
import { Trouble } from '../ui/state'
import { Status } from '../ui/status'
import { Time } from '../ui/time'

/** What became of a step: each of its walks, with what went in and came out. dry: nothing of it has happened. */
export function Result({ app, walks, dry, from }: { app: string; walks: Line[]; dry: boolean; from?: () => void }) {
  const [chosen, choose] = useState(Math.max(0, firstFailed(walks)))
  const n = Math.min(chosen, walks.length - 1)
  const line = walks[n]
  if (!line) return <Text size="sm">{t('result.none')}</Text>
  const failed = firstFailed(walks)
  return (
    <Stack gap="xs" role="group" aria-label={t('result.title')}>
      <Group gap="xs">
        <Status status={line.status} />
        {line.attempt ? <Text size="sm">{t('run.attempt', { n: line.attempt + 1 })}</Text> : null}
        {line.at ? <Text size="sm"><Time at={line.at} /></Text> : null}
        {walks.length > 1 ? (
          <Group gap={4}>
            <ActionIcon variant="default" size="sm" aria-label={t('result.before')} disabled={n === 0} onClick={() => choose(n - 1)}><ChevronLeft size={14} /></ActionIcon>
            <Text size="sm" className="numbers">{n + 1} / {walks.length}</Text>
            <ActionIcon variant="default" size="sm" aria-label={t('result.after')} disabled={n === walks.length - 1} onClick={() => choose(n + 1)}><ChevronRight size={14} /></ActionIcon>
            {failed >= 0 && failed !== n ? <Button size="compact-xs" variant="default" onClick={() => choose(failed)}>{t('result.firstFailed')}</Button> : null}
          </Group>
        ) : null}
      </Group>
      {from ? <Group><Button size="compact-xs" variant="default" onClick={from}>{t('result.from')}</Button></Group> : null}
      {line.error ? <Alert color="red" p="xs">{line.error}</Alert> : null}
      {line.deliveries ? <Text size="sm">{line.deliveries.online > 0 ? t('run.delivered', { n: line.deliveries.delivered }) : t('run.nobody')}</Text> : null}
      {line.until ? <Text size="sm">{t(dry ? 'result.wouldWait' : 'result.waits')} <Time at={line.until} /></Text> : null}
      {line.changes?.map((c) => <Changed key={`${c.structure}/${c.object}`} change={c} dry={dry} />)}
      {line.pushes?.map((p, i) => <Pushed key={`${p.to} ${i}`} app={app} push={p} />)}
      {line.starts?.map((s, i) => <Text size="sm" key={`${s.scenario} ${i}`}>{t(dry ? 'result.wouldStart' : 'result.starts')} <Anchor component={Link} href={`/a/${encodeURIComponent(app)}/scenarios/${s.scenario}`}>{s.scenario}</Anchor>{s.object ? ` (${s.object})` : ''}</Text>)}
      <Shown title={t('run.settings')} value={line.settings} open />
      <Shown title={t('run.output')} value={line.output} open={walks.length === 1} />
    </Stack>
  )
}

const text = (v: Value | undefined) => (v === undefined || v === null ? t('none') : typeof v === 'string' ? v : JSON.stringify(v))

/** An edit as before → after of the fields that differ. */
function Changed({ change, dry }: { change: NonNullable<Line['changes']>[number]; dry: boolean }) {
  return (
    <div>
      <Text size="sm" fw={500}>{t(dry ? `result.would.${change.kind as 'created'}` : `result.did.${change.kind as 'created'}`, { object: `${change.structure} ${change.object}` })}</Text>
      {change.kind === 'deleted' ? null : (
        <Table verticalSpacing={2} withRowBorders={false} fz="sm">
          <Table.Tbody>{change.fields.map((f) => <Table.Tr key={f}><Table.Th scope="row" w={90}>{f}</Table.Th><Table.Td className="preview">{change.kind === 'created' ? '' : `${text(change.before?.[f])} → `}{text(change.after?.[f])}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      )}
    </div>
  )
}

/** A push that a dry run did not send, and the button that sends it after all. */
function Pushed({ app, push }: { app: string; push: NonNullable<Line['pushes']>[number] }) {
  const send = useMutation({
    mutationFn: async () => (await call<{ online: number }>('POST', appPath(app, '/push'), { to: push.to, event: push.event, message: push.json ? JSON.parse(push.message) : push.message, ...(push.json ? { mode: 'json' } : {}) })).body,
  })
  return (
    <Stack gap={4}>
      <Text size="sm">→ <Code>{push.to}</Code> <Code>{push.event}</Code> {push.message ? <span className="preview">{push.message}</span> : null}</Text>
      <Group gap="xs">
        <Text size="sm">{push.online > 0 ? t('result.wouldReach', { n: push.online }) : t('result.nobody')}</Text>
        <Button size="compact-xs" variant="default" loading={send.isPending} onClick={() => send.mutate()}>{t('result.send')}</Button>
        {send.isSuccess ? <Text size="sm" role="status">{send.data.online > 0 ? t('live.sent', { n: send.data.online }) : t('live.nobody')}</Text> : null}
      </Group>
      {send.isError ? <Trouble error={send.error} /> : null}
    </Stack>
  )
}

export function Shown({ title, value, open = false }: { title: string; value: Value | undefined; open?: boolean }) {
  if (value === undefined || value === null) return null
  return (
    <details open={open}>
      <summary><Text span size="sm">{title}</Text></summary>
      <Code block tabIndex={0}>{JSON.stringify(value, null, 2)}</Code>
    </details>
  )
}
