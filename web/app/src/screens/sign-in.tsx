import { Alert, Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { ApiError, call } from '../api/client'
import { queryClient } from '../api/queries'
import { t } from '../i18n'

export function SignIn() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const login = useMutation({
    mutationFn: () => call('POST', '/session', { email, password }),
    onSuccess: () => queryClient.invalidateQueries(),
  })
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={400} maw="100%">
        <form onSubmit={(e) => { e.preventDefault(); login.mutate() }}>
          <Stack>
            <Title order={1} size="h2">{t('signin.title')}</Title>
            {login.isError ? <Alert color="red" role="alert">{login.error instanceof ApiError && login.error.problem.status === 0 ? t('offline') : login.error.message}</Alert> : null}
            <TextInput label={t('signin.email')} type="email" autoComplete="username" required value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
            <PasswordInput label={t('signin.password')} autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
            <Button type="submit" loading={login.isPending}>{t('signin.button')}</Button>
            <Text size="sm">{t('signin.none')}</Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
