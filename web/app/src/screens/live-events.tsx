import { Alert, Anchor, Button, Code, Group, Paper, Text, TextInput, Title } from '@mantine/core'
import { memo, useState } from 'react'
import { Link } from 'wouter'

import { type Pushed, useDropped, usePushes, useSeconds } from '../api/live'
import { language, t } from '../i18n'

const rows = 40

/** What is sent, as it happens. Of a stream it shows a sample and says so. */
export function Events({ app }: { app: string }) {
  const pushes = usePushes()
  const second = useSeconds().at(-1)
  const dropped = useDropped()
  const [find, setFind] = useState('')
  const [held, setHeld] = useState<Pushed[]>()
  const words = find.toLowerCase()
  const shown = (held ?? pushes).filter((p) => `${p.event} ${p.to} ${p.message}`.toLowerCase().includes(words)).slice(0, rows)
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4">{t('live.stream')}</Title>
        <Group gap="xs">
          <TextInput size="xs" w={230} aria-label={t('live.filter')} placeholder={t('live.filter')} value={find} onChange={(e) => setFind(e.currentTarget.value)} />
          <Button size="xs" variant="default" aria-pressed={held !== undefined} onClick={() => setHeld(held ? undefined : pushes)}>{t(held ? 'live.resume' : 'live.pause')}</Button>
        </Group>
      </Group>
      {second && second.pushes > second.shown ? <Alert color="yellow" mb="sm" p="xs" role="note">{t('live.sampled', { n: second.pushes, shown: second.shown })}</Alert> : null}
      {dropped > 0 ? <Text size="xs" mb="xs">{t('live.dropped', { n: dropped })}</Text> : null}
      {held ? <Text size="xs" mb="xs" role="status">{t('live.held')}</Text> : null}
      {shown.length === 0 ? <Text size="sm">{t('live.silence')}</Text> : null}
      <ul className="stream">
        {shown.map((p) => <Line key={p.pos} app={app} push={p} />)}
      </ul>
    </Paper>
  )
}

// Plain elements, and its inside only when it is opened: in a stream there are fifty new ones a second.
const Line = memo(function Line({ app, push: p }: { app: string; push: Pushed }) {
  const [opened, setOpened] = useState(false)
  return (
    <li>
      <details onToggle={(e) => setOpened(e.currentTarget.open)}>
        <summary>
          <time className="numbers">{clock.format(new Date(p.at))}</time> <code>{p.event}</code> → {p.to}{' '}
          <span data-there={p.online > 0}>{p.online > 0 ? t('live.online', { n: p.online }) : t('run.nobody')}</span> {p.message.slice(0, 200)}
        </summary>
        {opened ? (
          <>
            <Code block>{p.json ? pretty(p.message) : p.message || t('live.empty')}</Code>
            {p.cut ? <Text size="xs">{t('live.cut', { n: p.cut })}</Text> : null}
            {p.run ? <Anchor size="sm" component={Link} href={`/a/${encodeURIComponent(app)}/runs/${p.run}`}>{t('live.run')}</Anchor> : <Text size="xs">{t('live.byHand')}</Text>}
          </>
        ) : null}
      </details>
    </li>
  )
})

const clock = new Intl.DateTimeFormat(language, { timeStyle: 'medium' })

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text // it was cut
  }
}
