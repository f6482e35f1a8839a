import { ActionIcon, Badge, Button, Group, Paper, PasswordInput, Stack, Table, TagsInput, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { type ReactNode, useState } from 'react'

import { ApiError, call } from '../api/client'
import { appPath, queryClient, useConstants, useSecrets } from '../api/queries'
import type { Constant, Secret, Value } from '../api/types'
import { t } from '../i18n'
import { Trouble } from '../ui/state'
import { useMay } from './may'

/** What scenarios read beside their objects: secrets, which are written and never read back, and constants. */
export function Values({ app }: { app: string }) {
  const secrets = useSecrets(app)
  const constants = useConstants(app)
  return (
    <Stack>
      <Title order={1} size="h2">{t('values.title')}</Title>
      <Section title={t('values.secrets')} why={t('values.secrets.why')} empty={secrets.data?.items.length === 0} error={secrets.error}>
        {secrets.data?.items.map((s) => <SecretRow key={s.id} app={app} secret={s} />)}
        <SecretRow key={`new ${secrets.data?.items.length}`} app={app} />
      </Section>
      <Section title={t('values.constants')} why={t('values.constants.why')} empty={constants.data?.items.length === 0} error={constants.error}>
        {constants.data?.items.map((c) => <ConstantRow key={c.id} app={app} constant={c} />)}
        <ConstantRow key={`new ${constants.data?.items.length}`} app={app} />
      </Section>
    </Stack>
  )
}

function Section({ title, why, empty, error, children }: { title: string; why: string; empty: boolean; error: unknown; children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4">{title}</Title>
      <Text size="sm" mb="sm">{why}</Text>
      {error ? <Trouble error={error} /> : null}
      {empty ? <Text size="sm">{t('values.none')}</Text> : null}
      <div className="grid-wrap"><Table verticalSpacing="xs"><Table.Tbody>{children}</Table.Tbody></Table></div>
    </Paper>
  )
}

/** Saves and deletes a thing of a list; what is wrong stands under its field. */
function useThing(app: string, list: 'secrets' | 'constants', id: string) {
  const path = appPath(app, `/${list}/${encodeURIComponent(id)}`)
  const renew = () => queryClient.invalidateQueries({ queryKey: [app, list] })
  const save = useMutation({ mutationFn: (body: unknown) => call('PUT', path, body), onSuccess: renew })
  const drop = useMutation({ mutationFn: () => call('DELETE', path), onSuccess: renew })
  const wrong = save.error ?? drop.error
  return { save, drop, field: (name: string) => (wrong instanceof ApiError ? wrong.field(name) : undefined), wrong: wrong instanceof ApiError && wrong.problem.fields.length > 0 ? null : wrong }
}

function SecretRow({ app, secret }: { app: string; secret?: Secret }) {
  const [id, setID] = useState(secret?.id ?? '')
  const [hosts, setHosts] = useState(secret?.hosts ?? [])
  const [value, setValue] = useState('')
  const { guard } = useMay('scenarios:write')
  const { save, drop, field, wrong } = useThing(app, 'secrets', id)
  return (
    <Table.Tr>
      <Table.Td w={180}>{secret ? <Group gap="xs"><Text fw={600}>{secret.id}</Text><Badge variant="light" color={secret.set ? 'green' : 'yellow'} className="status">{t(secret.set ? 'values.set' : 'values.notSet')}</Badge></Group> : <TextInput aria-label={`${t('values.secrets')}: ${t('values.name')}`} placeholder={t('values.name')} value={id} error={field('id')} onChange={(e) => setID(e.currentTarget.value)} />}</Table.Td>
      <Table.Td><TagsInput aria-label={`${t('values.hosts')} ${id}`} placeholder={hosts.length > 0 ? '' : t('values.hosts')} value={hosts} error={field('hosts')} onChange={setHosts} /></Table.Td>
      <Table.Td w={220}><PasswordInput aria-label={`${t('values.value')} ${id}`} placeholder={t(secret ? 'values.newValue' : 'values.value')} autoComplete="new-password" value={value} error={field('value')} onChange={(e) => setValue(e.currentTarget.value)} /></Table.Td>
      <Table.Td w={160}>
        <Group gap="xs" wrap="nowrap">
          <Button size="xs" variant="default" disabled={id === ''} loading={save.isPending} onClick={() => save.mutate({ hosts, ...(value ? { value } : {}) }, { onSuccess: () => setValue('') })} {...guard}>{t(secret ? 'values.save' : 'values.add')}</Button>
          {secret ? <ActionIcon variant="subtle" color="red" aria-label={t('values.delete', { name: id })} onClick={() => drop.mutate()} {...guard}><Trash2 size={16} /></ActionIcon> : null}
        </Group>
        {wrong ? <Text size="xs" c="red" role="alert">{wrong.message}</Text> : null}
      </Table.Td>
    </Table.Tr>
  )
}

/** A typed constant: JSON where it reads as JSON, else a text. */
function read(text: string): Value {
  try {
    return JSON.parse(text) as Value
  } catch {
    return text
  }
}

function ConstantRow({ app, constant }: { app: string; constant?: Constant }) {
  const [id, setID] = useState(constant?.id ?? '')
  const [value, setValue] = useState(constant === undefined ? '' : typeof constant.value === 'string' ? constant.value : JSON.stringify(constant.value))
  const { guard } = useMay('scenarios:write')
  const { save, drop, field, wrong } = useThing(app, 'constants', id)
  return (
    <Table.Tr>
      <Table.Td w={180}>{constant ? <Text fw={600}>{constant.id}</Text> : <TextInput aria-label={`${t('values.constants')}: ${t('values.name')}`} placeholder={t('values.name')} value={id} error={field('id')} onChange={(e) => setID(e.currentTarget.value)} />}</Table.Td>
      <Table.Td><TextInput className="mono" aria-label={`${t('values.value')} const.${id}`} placeholder={t('values.value')} value={value} error={field('value')} onChange={(e) => setValue(e.currentTarget.value)} /></Table.Td>
      <Table.Td w={160}>
        <Group gap="xs" wrap="nowrap">
          <Button size="xs" variant="default" disabled={id === ''} loading={save.isPending} onClick={() => save.mutate({ value: typeof constant?.value === 'string' ? value : read(value) })} {...guard}>{t(constant ? 'values.save' : 'values.add')}</Button>
          {constant ? <ActionIcon variant="subtle" color="red" aria-label={t('values.delete', { name: id })} onClick={() => drop.mutate()} {...guard}><Trash2 size={16} /></ActionIcon> : null}
        </Group>
        {wrong ? <Text size="xs" c="red" role="alert">{wrong.message}</Text> : null}
      </Table.Td>
    </Table.Tr>
  )
}
