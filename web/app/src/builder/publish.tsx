import { Button, Group, Popover, Stack, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'

import { call } from '../api/client'
import { appPath } from '../api/queries'
import type { Difference } from '../api/types'
import { t } from '../i18n'
import type { Kinds } from '../model/yaml-write'
import { useMay } from '../screens/may'
import { inShort } from './difference'
import type { Editor } from './draft'

/** Asks in one line what changed, and publishes with Enter. */
export function Publish({ app, id, version, label, busy, editor, kinds, publish }: { app: string; id: string; version: number; label: string; busy: boolean; editor: Editor; kinds: Kinds; publish: (note: string) => void }) {
  const [opened, setOpened] = useState(false)
  const { guard } = useMay('scenarios:write')
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={320} trapFocus returnFocus withArrow>
      <Popover.Target><Button size="xs" loading={busy} onClick={() => setOpened(!opened)} {...guard}>{label}</Button></Popover.Target>
      <Popover.Dropdown>
        {opened ? <Note app={app} id={id} version={version} editor={editor} kinds={kinds} done={(note) => { setOpened(false); publish(note) }} /> : null}
      </Popover.Dropdown>
    </Popover>
  )
}

function Note({ app, id, version, editor, kinds, done }: { app: string; id: string; version: number; editor: Editor; kinds: Kinds; done: (note: string) => void }) {
  const [note, setNote] = useState<string>()
  const [short, setShort] = useState('')
  const { flush } = editor
  useEffect(() => {
    let gone = false
    const ask = async () => {
      if (!(await flush())) return
      const answer = await call<Difference>('GET', appPath(app, `/scenarios/${encodeURIComponent(id)}/versions/${version}..draft`))
      if (!gone) setShort(version === 0 ? t('versions.first') : inShort(answer.body, kinds))
    }
    ask().catch(() => {}) // the line stays empty: it is optional
    return () => { gone = true }
    // Asked once, when the question is opened.
  }, [])
  return (
    <form onSubmit={(e) => { e.preventDefault(); done((note ?? short).trim()) }}>
      <Stack gap="xs">
        <TextInput data-autofocus size="sm" maxLength={300} label={t('versions.what')} description={t('versions.what.why')} value={note ?? short} onChange={(e) => setNote(e.currentTarget.value)} />
        <Group justify="flex-end"><Button type="submit" size="xs">{t('versions.publish')}</Button></Group>
      </Stack>
    </form>
  )
}
