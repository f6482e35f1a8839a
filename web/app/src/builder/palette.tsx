import { Modal, NavLink, ScrollArea, Stack, Text, TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'

import type { Kind } from '../api/types'
import { t } from '../i18n'

/** Words that a builder would use for a kind (builder.md 1.3), beside its title and its help. */
const also: { [kind: string]: string } = {
  push: 'tell the browser notify socket refresh alert page message сообщить обновить страница', condition: 'if branch question когда если', edit_object: 'change update set field изменить',
  create_object: 'insert add new row создать', delete_object: 'remove удалить', delay: 'wait sleep timer подождать пауза', for_each: 'loop repeat each цикл', call_scenario: 'reuse link sub scenario вызвать',
  http_request: 'web request api call rest webhook запрос', search_objects: 'find query count list найти', try: 'catch error ошибка', switch: 'cases branch выбор', set_variables: 'variable remember переменная',
  log: 'note write журнал', fail: 'error stop ошибка', stop: 'end finish конец', object: 'changed created deleted изменение объект', schedule: 'clock cron time every day расписание время', call: 'api another scenario by hand вызов',
}

/** The one list of what can be added; it opens for every place. */
export function Palette({ opened, title, kinds, choose, close }: { opened: boolean; title: string; kinds: Kind[]; choose: (kind: Kind) => void; close: () => void }) {
  const [find, setFind] = useState('')
  const found = useMemo(() => {
    const words = find.toLowerCase().split(/\s+/).filter(Boolean)
    const rank = (k: Kind) => {
      const title = `${k.title} ${k.kind}`.toLowerCase()
      const all = `${title} ${also[k.kind] ?? ''} ${k.help} ${k.group}`.toLowerCase()
      return words.every((w) => all.includes(w)) ? words.filter((w) => title.includes(w) || (also[k.kind] ?? '').includes(w)).length : -1
    }
    return kinds.map((k) => ({ k, rank: rank(k) })).filter((x) => x.rank >= 0).sort((a, b) => b.rank - a.rank).map((x) => x.k)
  }, [find, kinds])
  const done = () => {
    setFind('')
    close()
  }
  const pick = (kind: Kind | undefined) => {
    if (!kind) return
    setFind('')
    choose(kind)
  }
  return (
    <Modal opened={opened} onClose={done} returnFocus={false} title={title} scrollAreaComponent={ScrollArea.Autosize} closeButtonProps={{ 'aria-label': 'x' }}>
      <form onSubmit={(e) => { e.preventDefault(); pick(found[0]) }}>
        <TextInput data-autofocus aria-label={t('builder.find')} placeholder={t('builder.find')} value={find} onChange={(e) => setFind(e.currentTarget.value)} mb="xs" />
      </form>
      <Stack gap={2}>
        {found.map((k) => <NavLink key={k.kind} component="button" type="button" label={k.title} description={k.help.split('. ')[0]} onClick={() => pick(k)} />)}
        {found.length === 0 ? <Text size="sm">{t('builder.nothing')}</Text> : null}
      </Stack>
    </Modal>
  )
}
