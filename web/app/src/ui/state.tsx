import { Alert, Anchor, Button, Center, Group, Loader, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

import { ApiError } from '../api/client'
import { t } from '../i18n'

/** An error with its cause and its cure. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : undefined
  return (
    <Alert color="red" title={problem?.status === 0 ? t('offline') : (problem?.detail ?? String(error))} role="alert">
      <Stack gap="xs">
        {problem?.cure ? <Text size="sm">{problem.cure}</Text> : null}
        {problem?.request_id ? <Text size="xs">{problem.request_id}</Text> : null}
        {retry ? <Group><Button size="xs" variant="light" onClick={retry}>{t('again')}</Button></Group> : null}
      </Stack>
    </Alert>
  )
}

/** What a list shows that has nothing in it: what, why, and the next click. */
export function Empty({ what, why, children }: { what: string; why?: string; children?: ReactNode }) {
  return (
    <Center py="xl">
      <Stack align="center" gap="xs" maw={420}>
        <Text fw={600}>{what}</Text>
        {why ? <Text size="sm" ta="center">{why}</Text> : null}
        {children}
      </Stack>
    </Center>
  )
}

export function Waiting() {
  return <Center py="xl"><Loader role="status" aria-label={t('loading')} /></Center>
}

export function NotFound() {
  return (
    <Stack p="xl" align="center">
      <Title order={1} size="h3">{t('notFound')}</Title>
      <Anchor href="/">{t('notFound.home')}</Anchor>
    </Stack>
  )
}
