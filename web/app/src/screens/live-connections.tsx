import { Button, Code, Group, Paper, Stack, Table, Text, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'

import { disconnect, useClosed } from '../api/live'
import { queryClient, useConnections, useSession } from '../api/queries'
import type { Connection } from '../api/types'
import { type Key, t } from '../i18n'
import { Empty, Trouble, Waiting } from '../ui/state'
import { Time } from '../ui/time'

/** Where a connection comes from, as far as its browser says. */
export const placeOf = (c: { page?: string | undefined; origin?: string | undefined }): string => c.page || (c.origin === 'null' ? t('live.file') : c.origin) || t('live.program')

/** Who is connected to this node now, and who has gone while this page was open. */
export function Connections({ app }: { app: string }) {
  const list = useConnections(app)
  const session = useSession()
  const closed = useClosed()
  const end = useMutation({
    mutationFn: (id: string) => disconnect(app, id),
    onSettled: () => queryClient.invalidateQueries({ queryKey: [app, 'connections'] }),
  })
  if (list.isPending) return <Waiting />
  if (list.isError) return <Trouble error={list.error} retry={() => void list.refetch()} />
  const may = session.data?.role !== 'viewer'
  return (
    <Stack>
      {end.isError ? <Trouble error={end.error} /> : null}
      {list.data.items.length === 0 ? <Empty what={t('live.noConnections')} why={t('live.noConnections.why')} /> : (
        <div className="grid-wrap">
          <Table verticalSpacing="xs">
            <Table.Thead><Table.Tr><Table.Th>{t('live.who')}</Table.Th><Table.Th>{t('live.from')}</Table.Th><Table.Th>{t('live.since')}</Table.Th><Table.Th>{t('live.line')}</Table.Th><Table.Th>{t('live.got')}</Table.Th><Table.Th>{t('live.listens')}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
            <Table.Tbody>{list.data.items.map((c) => <Row key={c.id} connection={c} end={may ? () => end.mutate(c.id) : undefined} />)}</Table.Tbody>
          </Table>
        </div>
      )}
      {closed.length > 0 ? (
        <Paper withBorder p="md">
          <Title order={2} size="h4" mb="xs">{t('live.closed')}</Title>
          <Stack gap={4}>
            {closed.slice(0, 10).map((c) => (
              <Group key={c.id} gap="sm"><Text size="sm" fw={600}>{c.user || t('live.guest')}</Text><Text size="sm">{placeOf(c)}</Text><Text size="sm">{t(`live.reason.${c.reason}` as Key)}</Text><Text size="sm"><Time at={c.at} /></Text></Group>
            ))}
          </Stack>
        </Paper>
      ) : null}
    </Stack>
  )
}

function Row({ connection: c, end }: { connection: Connection; end: (() => void) | undefined }) {
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600}>{c.user || t('live.guest')}</Text></Table.Td>
      <Table.Td><Text size="sm" className="wrap">{placeOf(c)}</Text>{c.client ? <Text size="xs">{c.client}</Text> : null}</Table.Td>
      <Table.Td><Time at={c.since} /></Table.Td>
      <Table.Td><Text size="sm">{c.transport}</Text>{c.rtt_ms === undefined ? null : <Text size="xs" className="numbers">{c.rtt_ms} ms</Text>}</Table.Td>
      <Table.Td className="numbers">{c.sent}</Table.Td>
      <Table.Td>{c.listens?.slice(0, 6).map((name) => <Code key={name} mr={4}>{name}</Code>)}{(c.listens?.length ?? 0) > 6 ? '…' : ''}</Table.Td>
      <Table.Td>{end ? <Button size="compact-xs" variant="default" aria-label={t('live.disconnectOf', { who: c.user || t('live.guest'), from: placeOf(c) })} onClick={end}>{t('live.disconnect')}</Button> : null}</Table.Td>
    </Table.Tr>
  )
}
