import { Alert, Badge, Button, Checkbox, Code, CopyButton, Group, NativeSelect, Paper, PasswordInput, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { ApiError, call } from '../api/client'
import { queryClient, useAccounts, useApps, useSession, useTokens } from '../api/queries'
import type { Account, Token } from '../api/types'
import { t } from '../i18n'
import { Trouble } from '../ui/state'
import { Time } from '../ui/time'
import { useMay } from './may'

const roles = ['admin', 'builder', 'viewer'] as const

/** Who builds and operates here, and the tokens of programs. Admins only; others read why. */
export function Access({ app }: { app: string }) {
  const { may, why } = useMay('admin')
  return (
    <Stack>
      <Title order={1} size="h2">{t('access.title')}</Title>
      {may ? null : <Alert color="yellow">{why}</Alert>}
      <Accounts />
      <Tokens app={app} />
    </Stack>
  )
}

function Accounts() {
  const { may } = useMay('admin')
  const accounts = useAccounts(may)
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4">{t('access.accounts')}</Title>
      <Text size="sm" mb="sm">{t('access.accounts.why')}</Text>
      {accounts.isError ? <Trouble error={accounts.error} /> : null}
      {may ? (
        <div className="grid-wrap">
          <Table verticalSpacing="xs">
            <Table.Thead><Table.Tr><Table.Th>E-mail</Table.Th><Table.Th>{t('access.role')}</Table.Th><Table.Th>{t('access.since')}</Table.Th><Table.Th>{t('access.do')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{accounts.data?.items.map((a) => <AccountRow key={a.email} account={a} />)}</Table.Tbody>
          </Table>
        </div>
      ) : null}
      <NewAccount />
    </Paper>
  )
}

const renewed = (key: string) => () => queryClient.invalidateQueries({ queryKey: [key] })

function AccountRow({ account: a }: { account: Account }) {
  const me = useSession().data?.id === a.email
  const at = `/accounts/${encodeURIComponent(a.email)}`
  const change = useMutation({ mutationFn: (body: Partial<Account>) => call('PATCH', at, body), onSettled: renewed('accounts') })
  const drop = useMutation({ mutationFn: () => call('DELETE', at), onSettled: renewed('accounts') })
  const [sure, setSure] = useState(false)
  const wrong = change.error ?? drop.error
  return (
    <Table.Tr>
      <Table.Td>{a.email} {me ? <Badge variant="light" color="blue" className="status">{t('access.you')}</Badge> : null} {a.disabled ? <Badge variant="light" color="gray" className="status">{t('users.disabled')}</Badge> : null}{wrong ? <Text size="xs" c="red" role="alert">{wrong.message}</Text> : null}</Table.Td>
      <Table.Td><NativeSelect size="xs" w={140} aria-label={`${t('access.role')}: ${a.email}`} value={a.role} disabled={change.isPending || me} title={me ? t('access.ownRole') : undefined} data={roles.map((r) => ({ value: r, label: t(`role.${r}`) }))} onChange={(e) => change.mutate({ role: e.currentTarget.value as Account['role'] })} /></Table.Td>
      <Table.Td><Time at={a.created_at} /></Table.Td>
      <Table.Td>
        {me ? <Text size="xs">{t('access.self')}</Text> : (
          <Group gap="xs" wrap="nowrap">
            <Button size="xs" variant="subtle" aria-label={`${t(a.disabled ? 'users.enable' : 'users.disable')} ${a.email}`} onClick={() => change.mutate({ disabled: !a.disabled })}>{t(a.disabled ? 'users.enable' : 'users.disable')}</Button>
            {sure
              ? <><Button size="xs" color="red" loading={drop.isPending} onClick={() => drop.mutate()}>{t('access.really', { name: a.email })}</Button><Button size="xs" variant="default" onClick={() => setSure(false)}>{t('access.no')}</Button></>
              : <Button size="xs" variant="subtle" color="red" aria-label={t('values.delete', { name: a.email })} onClick={() => setSure(true)}>{t('builder.delete')}</Button>}
          </Group>
        )}
      </Table.Td>
    </Table.Tr>
  )
}

function NewAccount() {
  const { guard } = useMay('admin')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [role, setRole] = useState<string>('builder')
  const create = useMutation({
    mutationFn: () => call('POST', '/accounts', { email, password, role }),
    onSuccess: () => { setEmail(''); setPassword('') },
    onSettled: renewed('accounts'),
  })
  const wrong = create.error instanceof ApiError ? create.error : undefined
  return (
    <form onSubmit={(e) => { e.preventDefault(); create.mutate() }}>
      <Group align="flex-start" mt="md">
        <TextInput label="E-mail" type="email" required value={email} error={wrong?.field('email')} onChange={(e) => setEmail(e.currentTarget.value)} />
        <PasswordInput label={t('access.password')} w={220} required autoComplete="new-password" value={password} error={wrong?.field('password')} onChange={(e) => setPassword(e.currentTarget.value)} />
        <NativeSelect label={t('access.role')} value={role} data={roles.map((r) => ({ value: r, label: t(`role.${r}`) }))} onChange={(e) => setRole(e.currentTarget.value)} />
        <Button type="submit" mt={25} loading={create.isPending} {...guard}>{t('access.invite')}</Button>
      </Group>
      <Text size="xs" mt={4}>{t('access.invite.why')}</Text>
      {wrong && wrong.problem.fields.length === 0 ? <Trouble error={wrong} /> : null}
    </form>
  )
}

const scopes = ['objects:read', 'objects:write', 'push', 'push:all', 'runs:read', 'runs:write', 'scenarios:read', 'scenarios:write', 'users:write', 'admin'] as const

function Tokens({ app }: { app: string }) {
  const { may } = useMay('admin')
  const tokens = useTokens(may)
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4">{t('access.tokens')}</Title>
      <Text size="sm" mb="sm">{t('access.tokens.why')}</Text>
      {tokens.isError ? <Trouble error={tokens.error} /> : null}
      {may && tokens.data?.items.length === 0 ? <Text size="sm">{t('values.none')}</Text> : null}
      {tokens.data && tokens.data.items.length > 0 ? (
        <div className="grid-wrap">
          <Table verticalSpacing="xs">
            <Table.Thead><Table.Tr><Table.Th>{t('values.name')}</Table.Th><Table.Th>{t('nav.app')}</Table.Th><Table.Th>{t('access.scopes')}</Table.Th><Table.Th>{t('access.since')}</Table.Th><Table.Th>{t('access.do')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{tokens.data.items.map((k) => <TokenRow key={k.id} token={k} />)}</Table.Tbody>
          </Table>
        </div>
      ) : null}
      <NewToken app={app} />
    </Paper>
  )
}

function TokenRow({ token: k }: { token: Token }) {
  const drop = useMutation({ mutationFn: () => call('DELETE', `/tokens/${encodeURIComponent(k.id)}`), onSettled: renewed('tokens') })
  const [sure, setSure] = useState(false)
  return (
    <Table.Tr>
      <Table.Td>{k.name || k.id.slice(0, 8)}{k.by ? <Text size="xs">{k.by}</Text> : null}{drop.isError ? <Text size="xs" c="red" role="alert">{drop.error.message}</Text> : null}</Table.Td>
      <Table.Td>{k.app === '*' ? t('access.allApps') : k.app}</Table.Td>
      <Table.Td><Text size="xs" className="any">{k.scopes.join(', ')}</Text></Table.Td>
      <Table.Td><Time at={k.created_at} /></Table.Td>
      <Table.Td>{sure
        ? <Group gap="xs" wrap="nowrap"><Button size="xs" color="red" loading={drop.isPending} onClick={() => drop.mutate()}>{t('access.really', { name: k.name })}</Button><Button size="xs" variant="default" onClick={() => setSure(false)}>{t('access.no')}</Button></Group>
        : <Button size="xs" variant="subtle" color="red" aria-label={t('values.delete', { name: k.name })} onClick={() => setSure(true)}>{t('builder.delete')}</Button>}</Table.Td>
    </Table.Tr>
  )
}

function NewToken({ app }: { app: string }) {
  const apps = useApps()
  const { guard } = useMay('admin')
  const [name, setName] = useState('')
  const [of, setOf] = useState(app)
  const [chosen, setChosen] = useState<string[]>(['objects:read'])
  const create = useMutation({
    mutationFn: async () => (await call<{ token: string; id: string }>('POST', '/tokens', { name, app: of, scopes: chosen })).body,
    onSuccess: () => setName(''),
    onSettled: renewed('tokens'),
  })
  const wrong = create.error instanceof ApiError ? create.error : undefined
  return (
    <form onSubmit={(e) => { e.preventDefault(); create.mutate() }}>
      <Stack gap="sm" mt="md">
        <Group align="flex-start">
          <TextInput label={t('access.tokenName')} required value={name} error={wrong?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <NativeSelect label={t('nav.app')} value={of} error={wrong?.field('app')} data={[...(apps.data?.items ?? [{ id: app }]).map((a) => ({ value: a.id, label: a.name || a.id })), { value: '*', label: t('access.allApps') }]} onChange={(e) => setOf(e.currentTarget.value)} />
        </Group>
        <Checkbox.Group label={t('access.scopes')} value={chosen} error={wrong?.field('scopes')} onChange={setChosen}>
          <Group mt={4} gap="md">{scopes.map((s) => <Checkbox key={s} value={s} label={<span title={t(`scope.${s}`)}>{s}</span>} />)}</Group>
        </Checkbox.Group>
        <Group><Button type="submit" loading={create.isPending} {...guard}>{t('access.newToken')}</Button></Group>
        {wrong && wrong.problem.fields.length === 0 ? <Trouble error={wrong} /> : null}
        {create.data ? (
          <Alert color="green" title={t('access.once')} role="status">
            <Group gap="xs"><Code className="any">{create.data.token}</Code><CopyButton value={create.data.token}>{({ copied, copy }) => <Button size="xs" variant="default" onClick={copy}>{copied ? t('live.copied') : t('live.copy')}</Button>}</CopyButton></Group>
          </Alert>
        ) : null}
      </Stack>
    </form>
  )
}
