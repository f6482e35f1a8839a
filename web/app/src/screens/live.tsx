import { Alert, Autocomplete, Button, Grid, Group, Paper, SegmentedControl, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'wouter'

import { call } from '../api/client'
import { useConnected, useSeconds } from '../api/live'
import { appPath, useConnections, useEvents, useRefusals, useUsers } from '../api/queries'
import { t } from '../i18n'
import { Spark } from '../ui/spark'
import { Connect } from './live-connect'
import { Connections } from './live-connections'
import { Events } from './live-events'
import { Refused } from './live-refused'
import { useMay } from './may'

const views = ['events', 'connections', 'refused', 'connect'] as const

/** The plug-in Socket.IO of an app: who is connected, what is sent, who was refused, and how a page connects. */
export function Live({ app }: { app: string }) {
  const [query, setQuery] = useSearchParams()
  const view = views.find((v) => v === query.get('view')) ?? 'events'
  const narrow = useMediaQuery('(max-width: 600px)') ?? false
  const connections = useConnections(app)
  const refusals = useRefusals(app)
  const n = { events: undefined, connections: connections.data?.items.length, refused: refusals.data?.items.length, connect: undefined }
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">{t('live.title')}</Title>
        <Pulse />
      </Group>
      <div>
        <SegmentedControl
          orientation={narrow ? 'vertical' : 'horizontal'} fullWidth={narrow}
          aria-label={t('live.view')} value={view} onChange={(v) => setQuery((q) => { q.set('view', v); return q }, { replace: true })}
          data={views.map((v) => ({ value: v, label: n[v] ? `${t(`live.view.${v}`)} (${n[v]})` : t(`live.view.${v}`) }))}
        />
      </div>
      {view === 'events' ? (
        <Grid>
          <Grid.Col span={{ base: 12, md: 4 }}><Send app={app} /></Grid.Col>
          <Grid.Col span={{ base: 12, md: 8 }}><Events app={app} /></Grid.Col>
        </Grid>
      ) : null}
      {view === 'connections' ? <Connections app={app} /> : null}
      {view === 'refused' ? <Refused app={app} /> : null}
      {view === 'connect' ? <Connect app={app} /> : null}
    </Stack>
  )
}

/** The last minute: how many connections there are and how much is sent. */
function Pulse() {
  const seconds = useSeconds()
  const on = useConnected()
  const last = seconds.at(-1)
  if (!on) return <Text size="sm" role="status">{t('live.off')}</Text>
  if (!last) return null
  return (
    <Group gap="lg">
      <Group gap="xs"><Text size="sm" className="numbers">{t('live.nConnections', { n: last.connections })}</Text><Spark label={t('live.sparkConnections')} values={seconds.map((s) => s.connections)} /></Group>
      <Group gap="xs"><Text size="sm" className="numbers">{t('live.perSecond', { n: last.pushes })}</Text><Spark label={t('live.sparkEvents')} values={seconds.map((s) => s.pushes)} /></Group>
    </Group>
  )
}

function Send({ app }: { app: string }) {
  const users = useUsers(app)
  const events = useEvents(app)
  const { guard } = useMay('push:all')
  const [to, setTo] = useState('*')
  const [event, setEvent] = useState('')
  const [message, setMessage] = useState('')
  const send = useMutation({
    mutationFn: async () => {
      const began = performance.now()
      const { online } = (await call<{ online: number }>('POST', appPath(app, '/push'), { to, event, message })).body
      return { online, ms: Math.round(performance.now() - began) }
    },
  })
  return (
    <Paper withBorder p="md">
      <form onSubmit={(e) => { e.preventDefault(); send.mutate() }}>
        <Stack gap="sm">
          <Title order={2} size="h4">{t('live.send')}</Title>
          <Autocomplete label={t('live.to')} required data={['*', ...(users.data?.items ?? []).map((u) => u.id)]} value={to} onChange={setTo} />
          <TextInput label={t('live.event')} required list="event-names" value={event} onChange={(e) => setEvent(e.currentTarget.value)} />
          <datalist id="event-names">{(events.data?.items ?? []).map((e) => <option key={e.event} value={e.event} />)}</datalist>
          <Textarea label={t('live.message')} autosize minRows={1} value={message} onChange={(e) => setMessage(e.currentTarget.value)} />
          <Group><Button type="submit" loading={send.isPending} {...guard}>{t('live.button')}</Button></Group>
          {send.isError ? <Alert color="red" role="alert">{send.error.message}</Alert> : null}
          {send.isSuccess ? <Alert color={send.data.online > 0 ? 'green' : 'yellow'} role="status">{send.data.online > 0 ? t('live.sent', { n: send.data.online }) : t('live.nobody')} <Text span size="xs">{send.data.ms} ms</Text></Alert> : null}
        </Stack>
      </form>
    </Paper>
  )
}
