import { Anchor, Badge, Code, Group, Paper, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'

import { call } from '../api/client'
import { appPath } from '../api/queries'
import type { Run, Value } from '../api/types'
import { t } from '../i18n'
import { Trouble, Waiting } from '../ui/state'
import { StateBadge } from '../ui/status'
import { Time } from '../ui/time'

type Explanation = {
  change: { seq: number; structure: string; object: string; kind: string; fields: string[]; before?: { [f: string]: Value }; after?: { [f: string]: Value }; who: string; at: string }
  scenarios: {
    scenario: string
    state: 'running' | 'paused' | 'stopped'
    triggers: { id: string; matches: boolean; message?: string; condition?: { source: string; result?: boolean; reads?: { path: string; value: Value }[] } }[]
  }[]
  runs: Run[]
}

/** Why a change started what it started, and not the rest. */
export function Explain({ app, seq }: { app: string; seq: string }) {
  const query = useQuery({ queryKey: [app, 'explain', seq], queryFn: async () => (await call<Explanation>('GET', appPath(app, `/changes/${seq}/explain`))).body })
  if (query.isPending) return <Waiting />
  if (query.isError) return <Trouble error={query.error} retry={() => void query.refetch()} />
  const { change, scenarios, runs } = query.data
  const at = `/a/${encodeURIComponent(app)}`
  const show = (v: Value | undefined) => (v === undefined || v === null ? t('none') : typeof v === 'string' ? v : JSON.stringify(v))
  return (
    <Stack>
      <Title order={1} size="h2">{t('explain.title', { n: change.seq })}</Title>
      <Text size="sm">{change.structure} {change.object} · {change.who} · <Time at={change.at} /></Text>
      <Table w="auto">
        <Table.Tbody>{change.fields.map((f) => <Table.Tr key={f}><Table.Th scope="row">{f}</Table.Th><Table.Td>{show(change.before?.[f])} → {show(change.after?.[f])}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
      {scenarios.map((s) => {
        const run = runs.find((r) => r.scenario === s.scenario)
        return (
          <Paper key={s.scenario} withBorder p="md">
            <Group>
              <Anchor component={Link} href={`${at}/scenarios/${s.scenario}`} fw={600}>{s.scenario}</Anchor>
              <StateBadge state={s.state} />
              {run ? <Anchor component={Link} href={`${at}/runs/${run.id}`}>{t('explain.started')}</Anchor> : <Badge variant="light" color="gray" className="status">{t('explain.not')}</Badge>}
            </Group>
            {s.triggers.map((g) => (
              <Stack key={g.id} gap={4} mt="xs">
                {g.message ? <Text size="sm">{g.id}: {g.message}</Text> : null}
                {g.condition ? <Text size="sm"><Code>{g.condition.source}</Code> = {String(g.condition.result)}{g.condition.reads?.map((r) => <span key={r.path}> · {r.path}: {show(r.value)}</span>)}</Text> : null}
              </Stack>
            ))}
          </Paper>
        )
      })}
    </Stack>
  )
}
