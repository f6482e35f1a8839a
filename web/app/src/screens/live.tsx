import { Alert, Autocomplete, Button, Code, CopyButton, Grid, Group, Paper, Stack, Switch, TagsInput, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { call } from '../api/client'
import { appPath, queryClient, useApp, useUsers } from '../api/queries'
import type { App } from '../api/types'
import { t } from '../i18n'
import { Trouble, Waiting } from '../ui/state'

/** The plug-in Socket.IO of an app: send a message by hand, connect a page, and who may connect. */
export function Live({ app }: { app: string }) {
  const settings = useApp(app)
  return (
    <Stack>
      <Title order={1} size="h2">{t('live.title')}</Title>
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}><Send app={app} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          {settings.isPending ? <Waiting /> : settings.isError ? <Trouble error={settings.error} /> : <Settings key={app} app={settings.data} />}
        </Grid.Col>
      </Grid>
      <Snippet app={app} />
    </Stack>
  )
}

function Send({ app }: { app: string }) {
  const users = useUsers(app)
  const [to, setTo] = useState('*')
  const [event, setEvent] = useState('')
  const [message, setMessage] = useState('')
  const send = useMutation({ mutationFn: async () => (await call<{ online: number }>('POST', appPath(app, '/push'), { to, event, message })).body })
  return (
    <Paper withBorder p="md">
      <form onSubmit={(e) => { e.preventDefault(); send.mutate() }}>
        <Stack gap="sm">
          <Title order={2} size="h4">{t('live.send')}</Title>
          <Autocomplete label={t('live.to')} required data={['*', ...(users.data?.items ?? []).map((u) => u.id)]} value={to} onChange={setTo} />
          <TextInput label={t('live.event')} required value={event} onChange={(e) => setEvent(e.currentTarget.value)} />
          <Textarea label={t('live.message')} autosize minRows={1} value={message} onChange={(e) => setMessage(e.currentTarget.value)} />
          <Group><Button type="submit" loading={send.isPending}>{t('live.button')}</Button></Group>
          {send.isError ? <Trouble error={send.error} /> : null}
          {send.isSuccess ? <Alert color={send.data.online > 0 ? 'green' : 'yellow'} role="status">{send.data.online > 0 ? t('live.sent', { n: send.data.online }) : t('live.nobody')}</Alert> : null}
        </Stack>
      </form>
    </Paper>
  )
}

function Settings({ app }: { app: App }) {
  const [guests, setGuests] = useState(app.guests ?? false)
  const [origins, setOrigins] = useState(app.origins ?? [])
  const [zone, setZone] = useState(app.time_zone ?? '')
  const save = useMutation({
    mutationFn: () => call('PATCH', appPath(app.id), { guests, origins, time_zone: zone }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: [app.id, 'app'] }),
  })
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Title order={2} size="h4">{t('live.settings')}</Title>
        <Text size="sm">app_id: <Code>{app.id}</Code></Text>
        <Switch label={t('live.guests')} description={t('live.guests.why')} checked={guests} onChange={(e) => setGuests(e.currentTarget.checked)} />
        <TagsInput label={t('live.origins')} placeholder="https://shop.example.com" value={origins} onChange={setOrigins} />
        <TextInput label={t('live.zone')} placeholder="Europe/Riga" value={zone} onChange={(e) => setZone(e.currentTarget.value)} />
        <Group><Button variant="default" loading={save.isPending} onClick={() => save.mutate()}>{t('live.save')}</Button>{save.isSuccess ? <Text size="sm" role="status">{t('live.saved')}</Text> : null}</Group>
        {save.isError ? <Trouble error={save.error} /> : null}
      </Stack>
    </Paper>
  )
}

/** What to paste, with this server's own address and app. */
function Snippet({ app }: { app: string }) {
  const at = window.location.origin
  const pieces = {
    HTML: `<script src="${at}/cuelight.js" data-app="${app}" defer></script>\n<ul id="orders" data-cue-on="refresh-orders">…</ul>`,
    'socket.io-client': `const socket = io('${at}', { autoConnect: false })\nsocket.auth = { app_id: '${app}', session_id }\nsocket.onAny((eventName, args) => console.log(eventName, args))\nsocket.connect()`,
    curl: `curl ${at}/api/v1/apps/${app}/push -H "Authorization: Bearer cue_…" -H "Content-Type: application/json" \\\n  -d '{"to":"*","event":"refresh-orders"}'`,
  }
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Title order={2} size="h4">{t('live.page')}</Title>
        <Text size="sm">{t('live.page.why')}</Text>
        {Object.entries(pieces).map(([name, text]) => (
          <div key={name}>
            <Group justify="space-between" mb={4}>
              <Text size="sm" fw={600}>{name}</Text>
              <CopyButton value={text}>{({ copied, copy }) => <Button size="xs" variant="subtle" aria-label={`${copied ? t('live.copied') : t('live.copy')} ${name}`} onClick={copy}>{copied ? t('live.copied') : t('live.copy')}</Button>}</CopyButton>
            </Group>
            <Code block tabIndex={0}>{text}</Code>
          </div>
        ))}
      </Stack>
    </Paper>
  )
}
