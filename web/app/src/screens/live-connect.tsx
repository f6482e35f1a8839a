import { Alert, Button, Code, CopyButton, Grid, Group, Loader, Paper, Stack, Switch, TagsInput, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { call } from '../api/client'
import { appPath, queryClient, useApp, useConnections, useRefusals } from '../api/queries'
import type { App } from '../api/types'
import { t } from '../i18n'
import { Trouble, Waiting } from '../ui/state'
import { placeOf } from './live-connections'
import { RefusedOne } from './live-refused'
import { useMay } from './may'

/** How a page of one's own connects, whether it has, and who may. */
export function Connect({ app }: { app: string }) {
  const settings = useApp(app)
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack><Arrival app={app} /><Snippet app={app} /></Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        {settings.isPending ? <Waiting /> : settings.isError ? <Trouble error={settings.error} /> : <Settings key={JSON.stringify(settings.data)} app={settings.data} />}
      </Grid.Col>
    </Grid>
  )
}

const tried = 'refresh-orders'

/** Waits for a page that is not this server's own, and turns green by itself. */
function Arrival({ app }: { app: string }) {
  const list = useConnections(app)
  const refusals = useRefusals(app)
  const [from] = useState(() => Date.now() - 10 * 60_000)
  const theirs = list.data?.items.find((c) => c.origin !== window.location.origin)
  const refused = refusals.data?.items.find((r) => r.origin !== window.location.origin && Date.parse(r.at) > from)
  const send = useMutation({ mutationFn: async () => (await call<{ online: number }>('POST', appPath(app, '/push'), { to: theirs?.user || '*', event: tried, message: '' })).body })
  if (theirs) {
    return (
      <Alert color="green" title={t('live.arrived')} role="status">
        <Stack gap="xs">
          <Text size="sm">{placeOf(theirs)} · {theirs.user || t('live.guest')} · {theirs.transport}</Text>
          <Group>
            <Button size="xs" loading={send.isPending} onClick={() => send.mutate()}>{t('live.try')}</Button>
            {send.isSuccess ? <Text size="sm" role="status">{t('live.tried', { n: send.data.online, event: tried })}</Text> : <Text size="sm">{t('live.try.why', { event: tried })}</Text>}
          </Group>
          {send.isError ? <Trouble error={send.error} /> : null}
        </Stack>
      </Alert>
    )
  }
  return (
    <Stack gap="sm">
      <Alert color="blue" title={<Group gap="sm"><Loader size="xs" aria-hidden />{t('live.waiting')}</Group>} role="status">{t('live.waiting.why')}</Alert>
      {refused ? <RefusedOne app={app} refusal={refused} /> : null}
    </Stack>
  )
}

function Settings({ app }: { app: App }) {
  const { guard } = useMay('admin')
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
        <Group><Button variant="default" loading={save.isPending} onClick={() => save.mutate()} {...guard}>{t('live.save')}</Button>{save.isSuccess ? <Text size="sm" role="status">{t('live.saved')}</Text> : null}</Group>
        {save.isError ? <Trouble error={save.error} /> : null}
      </Stack>
    </Paper>
  )
}

/** What to paste, with this server's own address and app. */
function Snippet({ app }: { app: string }) {
  const at = window.location.origin
  const pieces = {
    HTML: `<script src="${at}/cuelight.js" data-app="${app}" defer></script>\n<ul id="orders" data-cue-on="${tried}">…</ul>`,
    'socket.io-client': `const socket = io('${at}', { autoConnect: false })\nsocket.auth = { app_id: '${app}', session_id }\nsocket.onAny((eventName, args) => console.log(eventName, args))\nsocket.connect()`,
    curl: `curl ${at}/api/v1/apps/${app}/push -H "Authorization: Bearer cue_…" -H "Content-Type: application/json" \\\n  -d '{"to":"*","event":"${tried}"}'`,
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
