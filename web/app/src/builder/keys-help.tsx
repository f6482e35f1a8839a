import { Modal, Table } from '@mantine/core'

import { type Key, t } from '../i18n'

const keys: [string, Key][] = [
  ['↑ ↓', 'keys.walk'], ['← →', 'keys.branch'], ['Shift+↑ ↓', 'keys.range'], ['Enter', 'keys.enter'], ['Esc', 'keys.escape'], ['/  a', 'keys.after'], ['Shift+A', 'keys.before'], ['Del', 'builder.delete'],
  ['Ctrl+C  X  V', 'keys.clipboard'], ['Ctrl+D', 'builder.duplicate'], ['Ctrl+Z  Y', 'keys.undo'], ['Ctrl+S', 'keys.save'], ['Ctrl+F', 'edit.find'], ['Ctrl+K', 'keys.jump'], ['−  +', 'keys.fold'], ['?', 'keys.title'],
]

/** What the keys do. */
export function KeysHelp({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal opened={opened} onClose={close} title={t('keys.title')} closeButtonProps={{ 'aria-label': 'x' }}>
      <Table>
        <Table.Tbody>{keys.map(([combo, what]) => <Table.Tr key={combo}><Table.Td><kbd className="keys">{combo}</kbd></Table.Td><Table.Td>{t(what)}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
    </Modal>
  )
}
