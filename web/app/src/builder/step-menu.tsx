import { ActionIcon, Menu } from '@mantine/core'
import { Ellipsis } from 'lucide-react'
import { useRef } from 'react'

import { type Key, t } from '../i18n'
import type { Act } from './editing'

const groups: { act: Act; label: Key; keys?: string; triggers?: false }[][] = [
  [
    { act: 'copy', label: 'edit.copy', keys: 'Ctrl+C' }, { act: 'cut', label: 'edit.cut', keys: 'Ctrl+X' },
    { act: 'paste', label: 'edit.paste', keys: 'Ctrl+V' }, { act: 'duplicate', label: 'builder.duplicate', keys: 'Ctrl+D' },
  ],
  [
    { act: 'condition', label: 'edit.wrapCondition', triggers: false }, { act: 'for_each', label: 'edit.wrapLoop', triggers: false },
    { act: 'try', label: 'edit.wrapTry', triggers: false },
  ],
  [{ act: 'turn', label: 'edit.turn' }, { act: 'delete', label: 'builder.delete', keys: 'Del' }],
]

/** All that can be done with the chosen steps. */
export function StepMenu({ act, trigger, off }: { act: (what: Act) => void; trigger: boolean; off: boolean }) {
  const target = useRef<HTMLButtonElement>(null)
  // What was done has its own place for the focus; where nothing was, it comes back here.
  const back = () => {
    if (document.activeElement === document.body) target.current?.focus()
  }
  return (
    <Menu position="bottom-end" returnFocus={false} onExitTransitionEnd={back}>
      <Menu.Target><ActionIcon ref={target} variant="subtle" aria-label={t('edit.more')} title={t('edit.more')}><Ellipsis size={16} /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        {groups.map((items, i) => [
          i > 0 ? <Menu.Divider key={items[0]?.act} /> : null,
          ...items.filter((x) => x.triggers !== false || !trigger).map((x) => (
            <Menu.Item key={x.act} rightSection={x.keys ? <kbd className="keys">{x.keys}</kbd> : undefined} onClick={() => act(x.act)}>{t(x.act === 'turn' && off ? 'edit.turnOn' : x.label)}</Menu.Item>
          )),
        ])}
      </Menu.Dropdown>
    </Menu>
  )
}
