import { Anchor, Badge, Button, Group, Paper, Stack, Table, TagsInput, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'

import { ApiError, call } from '../api/client'
import { appPath, queryClient, useApps } from '../api/queries'
import type { App } from '../api/types'
import { t } from '../i18n'
import { Trouble, Waiting } from '../ui/state'
import { useMay } from './may'

/** The apps of this server: each has its own users, structures and scenarios. */
export function Apps({ app }: { app: string }) {
  const apps = useApps()
  if (apps.isPending) return <Waiting />
  if (apps.isError) return <Trouble error={apps.error} retry={() => void apps.refetch()} />
  const here = apps.data.items.find((a) => a.id === app)
  return (
    <Stack>
      <Title order={1} size="h2">{t('apps.title')}</Title>
      <div className="grid-wrap">
        <Table verticalSpacing="xs">
          <Table.Thead><Table.Tr><Table.Th>{t('values.name')}</Table.Th><Table.Th>app_id</Table.Th><Table.Th>{t('live.zone')}</Table.Th><Table.Th>{t('apps.guests')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {apps.data.items.map((a) => (
              <Table.Tr key={a.id}>
                <Table.Td><Anchor component={Link} href={`/a/${encodeURIComponent(a.id)}/`} fw={600}>{a.name || a.id}</Anchor> {a.id === app ? <Badge variant="light" color="blue" className="status">{t('apps.here')}</Badge> : null}</Table.Td>
                <Table.Td>{a.id}</Table.Td>
                <Table.Td>{a.time_zone || 'UTC'}</Table.Td>
                <Table.Td>{t(a.guests ? 'objects.yes' : 'objects.no')}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <NewApp />
      {here ? <Own key={here.id} app={here} /> : null}
    </Stack>
  )
}

const toID = (name: string): string => name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 63)

function NewApp() {
  const { guard } = useMay('admin')
  const [, navigate] = useLocation()
  const [name, setName] = useState('')
  const [typed, setTyped] = useState<string>()
  const id = typed ?? toID(name)
  const create = useMutation({
    mutationFn: () => call('POST', '/apps', { id, ...(name ? { name } : {}), guests: true }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['apps'] })
      navigate(`/a/${encodeURIComponent(id)}/`)
    },
  })
  const wrong = create.error instanceof ApiError ? create.error : undefined
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">{t('apps.new')}</Title>
      <form onSubmit={(e) => { e.preventDefault(); create.mutate() }}>
        <Group align="flex-start">
          <TextInput label={t('values.name')} required value={name} error={wrong?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <TextInput label={t('apps.id')} required value={id} error={wrong?.field('id')} onChange={(e) => setTyped(e.currentTarget.value)} />
          <Button type="submit" mt={25} loading={create.isPending} {...guard}>{t('scenarios.create')}</Button>
        </Group>
        {wrong && wrong.problem.fields.length === 0 ? <Trouble error={wrong} /> : null}
      </form>
    </Paper>
  )
}

/** What only admins may set of an app: its name, and which addresses of private networks its scenarios may reach. */
function Own({ app }: { app: App }) {
  const { may, why, guard } = useMay('admin')
  const [name, setName] = useState(app.name ?? '')
  const [hosts, setHosts] = useState(app.private_hosts ?? [])
  const save = useMutation({
    mutationFn: () => call('PATCH', appPath(app.id), { name, private_hosts: hosts }),
    onSuccess: () => Promise.all([queryClient.invalidateQueries({ queryKey: ['apps'] }), queryClient.invalidateQueries({ queryKey: [app.id, 'app'] })]),
  })
  const wrong = save.error instanceof ApiError ? save.error : undefined
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">{t('apps.own', { name: app.name || app.id })}</Title>
      <form onSubmit={(e) => { e.preventDefault(); save.mutate() }}>
        <Stack gap="sm" maw={560}>
          <TextInput label={t('values.name')} readOnly={!may} value={name} error={wrong?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <TagsInput label={t('apps.private')} description={t('apps.private.why')} readOnly={!may} placeholder={hosts.length > 0 ? '' : 'crm.internal:8080'} value={hosts} error={wrong?.field('private_hosts')} onChange={setHosts} />
          <Text size="sm">{t('apps.plugin')} <Anchor component={Link} href={`/a/${encodeURIComponent(app.id)}/live`} underline="always">{t('nav.live')}</Anchor></Text>
          <Group><Button type="submit" variant="default" loading={save.isPending} {...guard}>{t('values.save')}</Button>{save.isSuccess ? <Text size="sm" role="status">{t('live.saved')}</Text> : null}{may ? null : <Text size="sm">{why}</Text>}</Group>
          {wrong && wrong.problem.fields.length === 0 ? <Trouble error={wrong} /> : null}
        </Stack>
      </form>
    </Paper>
  )
}
