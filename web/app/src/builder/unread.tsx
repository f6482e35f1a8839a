import { Alert, Button, Group, Stack, Text } from '@mantine/core'

import { t } from '../i18n'

/** A text that is not readable, kept while the tab is left. */
export type Unread = { text: string; line: number; message: string }

/** Says on the canvas that the text is not what it shows. */
export function UnreadBanner({ unread, back, drop }: { unread: Unread; back: () => void; drop: () => void }) {
  return (
    <Alert color="yellow" title={t('yaml.banner')} mb="xs">
      <Stack gap="xs">
        <Text size="sm">{t('yaml.line', { line: unread.line })}: {unread.message}</Text>
        <Group gap="xs"><Button size="xs" onClick={back}>{t('yaml.back')}</Button><Button size="xs" variant="default" onClick={drop}>{t('yaml.drop')}</Button></Group>
      </Stack>
    </Alert>
  )
}
