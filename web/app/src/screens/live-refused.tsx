import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'

import { call } from '../api/client'
import { appPath, queryClient, useApp, useRefusals } from '../api/queries'
import type { App, Refusal } from '../api/types'
import { t } from '../i18n'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Time } from '../ui/time'
import { placeOf } from './live-connections'

/** Who tried to connect and was refused, why, and what helps. */
export function Refused({ app }: { app: string }) {
  const list = useRefusals(app)
  if (list.isPending) return <Waiting />
  if (list.isError) return <Trouble error={list.error} retry={() => void list.refetch()} />
  if (list.data.items.length === 0) return <Empty what={t('live.noRefused')} why={t('live.noRefused.why')} />
  return <Stack gap="sm">{list.data.items.map((r) => <RefusedOne key={`${r.app_id} ${r.code} ${r.origin} ${r.page}`} app={app} refusal={r} />)}</Stack>
}

/** One refused page, with its reason in words and the click that lets it in. */
export function RefusedOne({ app, refusal: r }: { app: string; refusal: Refusal }) {
  const settings = useApp(app)
  const cure = useMutation({
    mutationFn: (change: Partial<App>) => call('PATCH', appPath(app), change),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: [app, 'app'] }),
  })
  const origins = settings.data?.origins ?? []
  const open = settings.data !== undefined && (origins.length === 0 || (r.origin !== undefined && origins.includes(r.origin)))
  return (
    <Alert color={r.code === 'origin_refused' && open ? 'gray' : 'red'} title={reason(r)}>
      <Stack gap="xs">
        <Group gap="sm">
          <Text size="sm">{placeOf(r)}</Text>
          <Text size="sm">{t('live.times', { n: r.count })}, <Time at={r.at} /></Text>
        </Group>
        <Text size="sm">{help(r)}</Text>
        {r.code === 'origin_refused' && r.origin ? (
          open ? <Text size="sm" role="status">{t('live.allowed')}</Text>
            : <Group><Button size="xs" loading={cure.isPending} disabled={!settings.data} onClick={() => cure.mutate({ origins: [...origins, r.origin ?? ''] })}>{t('live.allow', { origin: r.origin })}</Button></Group>
        ) : null}
        {r.code === 'session_expired' && settings.data && !settings.data.guests ? <Group><Button size="xs" variant="default" loading={cure.isPending} onClick={() => cure.mutate({ guests: true })}>{t('live.allowGuests')}</Button></Group> : null}
        {cure.isError ? <Trouble error={cure.error} /> : null}
      </Stack>
    </Alert>
  )
}

function reason(r: Refusal): string {
  switch (r.code) {
    case 'app_unknown':
      return r.app_id === '' ? t('live.why.noApp') : r.meant ? t('live.why.meant', { app: r.app_id, meant: r.meant }) : t('live.why.unknown', { app: r.app_id })
    case 'origin_refused':
      return t('live.why.origin', { origin: r.origin || '—' })
    case 'session_expired':
      return t('live.why.session')
    default:
      return t('live.why.many', { limit: r.limit ?? '' })
  }
}

function help(r: Refusal): string {
  switch (r.code) {
    case 'app_unknown':
      return t('live.help.unknown')
    case 'origin_refused':
      return r.origin === 'null' ? t('live.help.file') : t('live.help.origin')
    case 'session_expired':
      return t('live.help.session')
    default:
      return t('live.help.many')
  }
}
