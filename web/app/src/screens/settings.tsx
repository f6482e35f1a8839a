import { Alert, Anchor, Badge, Code, Group, Paper, SegmentedControl, Stack, Table, Text, TextInput, Title, useMantineColorScheme } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'

import { useApp, useLimits, useSettings, useVersionOfServer } from '../api/queries'
import type { Limit, Setting } from '../api/types'
import { choose, language, t } from '../i18n'
import { Trouble, Waiting } from '../ui/state'
import { useMay } from './may'

/** What this page looks like, what the server runs with and where each value comes from, how long things are kept, and all limits. */
export function Settings({ app }: { app: string }) {
  return (
    <Stack>
      <Title order={1} size="h2">{t('settings.title')}</Title>
      <Looks />
      <Server app={app} />
      <Limits />
    </Stack>
  )
}

function Looks() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">{t('settings.looks')}</Title>
      <Group gap="xl">
        <div>
          <Text size="sm" mb={4} id="looks-scheme">{t('settings.scheme')}</Text>
          <SegmentedControl aria-labelledby="looks-scheme" value={colorScheme} onChange={(v) => setColorScheme(v as typeof colorScheme)} data={(['light', 'dark', 'auto'] as const).map((value) => ({ value, label: t(`settings.${value}`) }))} />
        </div>
        <div>
          <Text size="sm" mb={4} id="looks-language">{t('nav.language')}</Text>
          <SegmentedControl aria-labelledby="looks-language" value={language} onChange={(v) => { choose(v as typeof language); window.location.reload() }} data={[{ value: 'en', label: 'English' }, { value: 'ru', label: 'Русский' }]} />
        </div>
      </Group>
    </Paper>
  )
}

function Server({ app }: { app: string }) {
  const { may, why } = useMay('admin')
  const settings = useSettings(may)
  const version = useVersionOfServer()
  const zone = useApp(app).data?.time_zone
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4">{t('settings.server')}</Title>
      <Text size="sm" mb="sm">{t('settings.server.why')}</Text>
      <Table w="auto" verticalSpacing={4} mb="sm">
        <Table.Tbody>
          <Table.Tr><Table.Th scope="row">{t('scenarios.version')}</Table.Th><Table.Td>{version.data ? `${version.data.version} (${version.data.go})` : t('none')}</Table.Td></Table.Tr>
          {settings.data ? <Table.Tr><Table.Th scope="row">{t('settings.store')}</Table.Th><Table.Td>{settings.data.store}</Table.Td></Table.Tr> : null}
          <Table.Tr><Table.Th scope="row">{t('settings.zone', { app })}</Table.Th><Table.Td>{zone || 'UTC'} · <Anchor size="sm" underline="always" component={Link} href={`/a/${encodeURIComponent(app)}/live`}>{t('settings.zone.where')}</Anchor></Table.Td></Table.Tr>
        </Table.Tbody>
      </Table>
      {may ? null : <Alert color="yellow">{why}</Alert>}
      {may && settings.isPending ? <Waiting /> : null}
      {settings.isError ? <Trouble error={settings.error} /> : null}
      {settings.data ? (
        <div className="grid-wrap">
          <Table verticalSpacing="xs">
            <Table.Thead><Table.Tr><Table.Th>{t('settings.setting')}</Table.Th><Table.Th>{t('values.value')}</Table.Th><Table.Th>{t('settings.from')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{settings.data.items.map((s) => <Row key={s.name} setting={s} />)}</Table.Tbody>
          </Table>
        </div>
      ) : null}
    </Paper>
  )
}

const colors = { flag: 'blue', env: 'green', default: 'gray' } as const

function Row({ setting: s }: { setting: Setting }) {
  const where = s.from === 'flag' ? s.flag : s.from === 'env' ? (s.env ?? '') : ''
  const why = s.from === 'default' ? t('settings.set', { flag: s.flag, env: s.env ?? '' }) : t('settings.readonly', { where })
  return (
    <Table.Tr>
      <Table.Th scope="row" miw={200}>{s.name}<Text size="xs" fw={400}>{s.help}</Text></Table.Th>
      <Table.Td miw={260}><TextInput className="mono" size="xs" readOnly aria-label={s.name} value={s.value} placeholder={t('none')} description={why} inputWrapperOrder={['label', 'input', 'description', 'error']} onChange={() => {}} /></Table.Td>
      <Table.Td><Badge variant="light" color={colors[s.from]} className="status">{t(`settings.from.${s.from}`)}</Badge> {where ? <Code>{where}</Code> : null}</Table.Td>
    </Table.Tr>
  )
}

/** A limit as one says it. */
function said(l: Limit): string {
  const n = new Intl.NumberFormat(language)
  if (l.unit === 'ms') {
    for (const [ms, unit] of [[86_400_000, 'day'], [3_600_000, 'hour'], [60_000, 'minute'], [1000, 'second']] as const) {
      if (l.value >= ms && l.value % ms === 0) return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(l.value / ms)
    }
  }
  if (l.unit === 'bytes' && l.value >= 1024 && l.value % 1024 === 0) return l.value % 1048576 === 0 ? `${n.format(l.value / 1048576)} MiB` : `${n.format(l.value / 1024)} KiB`
  return `${n.format(l.value)} ${l.unit}`
}

function Limits() {
  const limits = useLimits()
  const [find, setFind] = useState('')
  const all = limits.data?.items ?? []
  const shown = all.filter((l) => `${l.name} ${l.help}`.toLowerCase().includes(find.toLowerCase()))
  return (
    <>
      {limits.isError ? <Trouble error={limits.error} /> : null}
      <LimitTable title={t('settings.kept')} why={t('settings.kept.why')} list={all.filter((l) => l.name.startsWith('keep_'))} />
      <Paper withBorder p="md">
        <Title order={2} size="h4">{t('settings.limits')}</Title>
        <Text size="sm" mb="sm">{t('settings.limits.why')}</Text>
        <TextInput maw={360} mb="sm" aria-label={t('settings.find')} placeholder={t('settings.find')} value={find} onChange={(e) => setFind(e.currentTarget.value)} />
        <Rows title={t('settings.limits')} list={shown} />
      </Paper>
    </>
  )
}

function LimitTable({ title, why, list }: { title: string; why: string; list: Limit[] }) {
  return <Paper withBorder p="md"><Title order={2} size="h4">{title}</Title><Text size="sm" mb="sm">{why}</Text><Rows title={title} list={list} /></Paper>
}

function Rows({ title, list }: { title: string; list: Limit[] }) {
  return (
    <div className="grid-wrap" role="region" aria-label={title} tabIndex={0}>
      <Table verticalSpacing={2}>
        <Table.Thead><Table.Tr><Table.Th>{t('settings.limit')}</Table.Th><Table.Th>{t('values.value')}</Table.Th><Table.Th>{t('settings.what')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{list.map((l) => <Table.Tr key={l.name}><Table.Td><Code>{l.name}</Code></Table.Td><Table.Td className="numbers">{said(l)}</Table.Td><Table.Td>{l.help}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
    </div>
  )
}
