import { Badge, Button, Group, Paper, PasswordInput, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { ApiError, call } from '../api/client'
import { appPath, queryClient, useUserSessions, useUsers } from '../api/queries'
import type { User } from '../api/types'
import { t } from '../i18n'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Time } from '../ui/time'
import { useMay } from './may'

/** The end users of an app and where they are signed in. */
export function People({ app }: { app: string }) {
  const users = useUsers(app)
  if (users.isPending) return <Waiting />
  if (users.isError) return <Trouble error={users.error} retry={() => void users.refetch()} />
  return (
    <Stack>
      <Title order={1} size="h2">{t('users.title')}</Title>
      <NewUser app={app} />
      {users.data.items.length === 0 ? <Empty what={t('users.none')} why={t('users.none.why')} /> : (
        <div className="grid-wrap">
          <Table verticalSpacing="xs">
            <Table.Thead><Table.Tr><Table.Th>id</Table.Th><Table.Th>{t('users.name')}</Table.Th><Table.Th>E-mail</Table.Th><Table.Th>{t('users.password')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{users.data.items.map((u) => <Row key={u.id} app={app} user={u} />)}</Table.Tbody>
          </Table>
        </div>
      )}
      <Sessions app={app} />
    </Stack>
  )
}

function Row({ app, user }: { app: string; user: User }) {
  const at = appPath(app, `/users/${encodeURIComponent(user.id)}`)
  const [password, setPassword] = useState('')
  const { guard } = useMay('users:write')
  const reset = useMutation({ mutationFn: () => call('PUT', `${at}/password`, { password }), onSuccess: () => { setPassword(''); void queryClient.invalidateQueries({ queryKey: [app, 'sessions'] }) } })
  const toggle = useMutation({ mutationFn: () => call('PATCH', at, { disabled: !user.disabled }), onSettled: () => queryClient.invalidateQueries({ queryKey: [app] }) })
  return (
    <Table.Tr>
      <Table.Td>{user.id} {user.disabled ? <Badge variant="light" color="gray" className="status">{t('users.disabled')}</Badge> : null}</Table.Td>
      <Table.Td>{user.name ?? t('none')}</Table.Td>
      <Table.Td>{user.email ?? t('none')}</Table.Td>
      <Table.Td>
        <Group gap="xs" wrap="nowrap">
          <PasswordInput size="xs" w={160} aria-label={`${t('users.password')} ${user.id}`} autoComplete="new-password" value={password} error={reset.error?.message} onChange={(e) => setPassword(e.currentTarget.value)} />
          <Button size="xs" variant="default" disabled={password === ''} loading={reset.isPending} onClick={() => reset.mutate()} {...guard}>{t('users.reset')}</Button>
          <Button size="xs" variant="subtle" loading={toggle.isPending} onClick={() => toggle.mutate()} {...guard}>{t(user.disabled ? 'users.enable' : 'users.disable')}</Button>
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}

function NewUser({ app }: { app: string }) {
  const { guard } = useMay('users:write')
  const [id, setID] = useState('')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const create = useMutation({
    mutationFn: async () => {
      await call('POST', appPath(app, '/users'), { id, ...(name ? { name } : {}) })
      if (password) await call('PUT', appPath(app, `/users/${encodeURIComponent(id)}/password`), { password })
    },
    onSuccess: () => { setID(''); setName(''); setPassword('') },
    onSettled: () => queryClient.invalidateQueries({ queryKey: [app, 'users'] }),
  })
  const wrong = create.error instanceof ApiError ? create.error : undefined
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">{t('users.new')}</Title>
      <form onSubmit={(e) => { e.preventDefault(); create.mutate() }}>
        <Group align="flex-start">
          <TextInput label={t('users.id')} required value={id} error={wrong?.field('id')} onChange={(e) => setID(e.currentTarget.value)} />
          <TextInput label={t('users.name')} value={name} error={wrong?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <PasswordInput label={t('users.password')} w={180} autoComplete="new-password" value={password} error={wrong?.field('password')} onChange={(e) => setPassword(e.currentTarget.value)} />
          <Button type="submit" mt={25} loading={create.isPending} {...guard}>{t('users.create')}</Button>
        </Group>
        {create.isError && !wrong?.problem.fields.length ? <Trouble error={create.error} /> : null}
      </form>
    </Paper>
  )
}

function Sessions({ app }: { app: string }) {
  const sessions = useUserSessions(app)
  const revoke = useMutation({
    mutationFn: (id: string) => call('DELETE', appPath(app, `/sessions/${encodeURIComponent(id)}`)),
    onSettled: () => queryClient.invalidateQueries({ queryKey: [app, 'sessions'] }),
  })
  const list = sessions.data?.items ?? []
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">{t('users.sessions')}</Title>
      {revoke.isError ? <Trouble error={revoke.error} /> : null}
      {sessions.isSuccess && list.length === 0 ? <Text size="sm">{t('users.nosession')}</Text> : null}
      <Stack gap={4}>
        {list.map((s) => (
          <Group key={s.id} gap="sm">
            <Text fw={600} size="sm">{s.user}</Text>
            <Text size="sm">{t('users.since')} <Time at={s.created_at} /></Text>
            <Button size="xs" variant="subtle" color="red" aria-label={`${t('users.revoke')} ${s.user}`} onClick={() => revoke.mutate(s.id)}>{t('users.revoke')}</Button>
          </Group>
        ))}
      </Stack>
    </Paper>
  )
}
