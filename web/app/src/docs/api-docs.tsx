import { Accordion, Anchor, Badge, Code, Container, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'wouter'

import { useApps, useSession } from '../api/queries'
import { t } from '../i18n'
import { Empty, Trouble, Waiting } from '../ui/state'
import { type Entry, entriesOf, type JsonSchema, type OpenAPI, outline } from './openapi'
import { TryOut } from './try-out'

const colors: { [method: string]: string } = { GET: 'blue', POST: 'green', PUT: 'yellow', PATCH: 'yellow', DELETE: 'red' }

/** The API as the server describes it, to be read and to be tried as whoever is signed in. */
export function ApiDocs() {
  const [query, setQuery] = useSearchParams()
  const spec = useQuery({
    queryKey: ['openapi'],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<OpenAPI> => {
      const answer = await fetch('/api/openapi.json')
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
      return (await answer.json()) as OpenAPI
    },
  })
  const session = useSession()
  const apps = useApps()
  if (spec.isPending) return <Waiting />
  if (spec.isError) return <Trouble error={spec.error} retry={() => void spec.refetch()} />
  const find = query.get('find') ?? ''
  const open = query.get('op')
  const entries = entriesOf(spec.data).filter((e) => `${e.method} ${e.path} ${e.op.operationId} ${e.op.summary ?? ''}`.toLowerCase().includes(find.toLowerCase()))
  const rooms = [...new Set(entries.map((e) => e.room))]
  const set = (name: string, value: string | null) => setQuery((q) => {
    if (value) q.set(name, value)
    else q.delete(name)
    return q
  }, { replace: true })
  const app = query.get('app') ?? apps.data?.items.find((a) => a.id === 'demo')?.id ?? apps.data?.items[0]?.id ?? ''
  return (
    <Container component="main" size="lg" py="lg">
      <Stack>
        <Group justify="space-between">
          <Title order={1} size="h2">{t('docs.title')}</Title>
          <Group gap="md"><Anchor href="/">{t('docs.back')}</Anchor><Anchor href="/api/openapi.json" target="_blank">openapi.json</Anchor><Anchor href="/help/" target="_blank">{t('nav.help')}</Anchor></Group>
        </Group>
        <Text size="sm">{spec.data.info.description}</Text>
        <Text size="sm">{t('docs.as', { who: session.data?.id ?? '', role: session.data?.role ?? '' })}</Text>
        <TextInput aria-label={t('docs.find')} placeholder={t('docs.find')} value={find} onChange={(e) => set('find', e.currentTarget.value)} />
        {entries.length === 0 ? <Empty what={t('jump.nothing')} /> : null}
        {rooms.map((room) => (
          <section key={room} aria-label={room}>
            <Title order={2} size="h4" mb="xs">{room}</Title>
            <Accordion variant="separated" order={3} value={open} onChange={(v) => set('op', v)}>
              {entries.filter((e) => e.room === room).map((e) => (
                <Accordion.Item key={e.op.operationId} value={e.op.operationId}>
                  <Accordion.Control>
                    <Group gap="xs" wrap="wrap"><Badge variant="light" color={colors[e.method] ?? 'gray'} w={72} className="status">{e.method}</Badge><Code className="any">{e.path}</Code><Text size="sm">{e.op.summary}</Text></Group>
                  </Accordion.Control>
                  <Accordion.Panel>{open === e.op.operationId ? <Detail doc={spec.data} entry={e} app={app} /> : null}</Accordion.Panel>
                </Accordion.Item>
              ))}
            </Accordion>
          </section>
        ))}
      </Stack>
    </Container>
  )
}

function Detail({ doc, entry, app }: { doc: OpenAPI; entry: Entry; app: string }) {
  const { op } = entry
  const body = op.requestBody?.content['application/json']?.schema
  const good = Object.entries(op.responses).find(([status]) => status.startsWith('2'))
  const answer = good?.[1].content?.['application/json']?.schema
  return (
    <Stack gap="sm">
      {op.description ? <Text size="sm">{op.description}</Text> : null}
      <TryOut doc={doc} entry={entry} app={app} />
      {body ? <Shape title={t('docs.body')} doc={doc} schema={body} /> : null}
      {answer ? <Shape title={`${t('docs.answer')} ${good?.[0] ?? ''}`} doc={doc} schema={answer} /> : null}
      <Text size="sm">{t('docs.statuses', { list: Object.keys(op.responses).join(', ') })}</Text>
    </Stack>
  )
}

function Shape({ title, doc, schema }: { title: string; doc: OpenAPI; schema: JsonSchema }) {
  const lines = outline(doc, schema)
  if (lines.length === 0) return null
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>{title}</Text>
      <div className="shape">
        {/* biome-ignore lint/suspicious/noArrayIndexKey: the lines of a schema never move */}
        {lines.map((l, i) => <div key={i} data-depth={l.depth}><Code>{l.name}</Code>{l.required ? <b title={t('structure.required')}> *</b> : null} <span className="mono-text">{l.type}</span>{l.description ? <span> · {l.description}</span> : null}</div>)}
      </div>
    </div>
  )
}
