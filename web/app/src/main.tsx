import './styles'

import { createTheme, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { queryClient } from './api/queries'
import { Routes } from './app'
import { language, learn, t } from './i18n'

const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''
setNonce(nonce) // for the style that keeps a page from scrolling behind a dialog

document.documentElement.lang = language

async function start(root: HTMLElement) {
  await learn()
  const theme = createTheme({ primaryColor: 'indigo', primaryShade: 8, defaultRadius: 'md', autoContrast: true, fontFamily: 'system-ui, sans-serif', cursorType: 'pointer', components: { Notification: { defaultProps: { closeButtonProps: { 'aria-label': t('close') } } } } })
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
        <Notifications position="bottom-right" />
        <QueryClientProvider client={queryClient}>
          <Routes />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}

const root = document.getElementById('root')
if (root) void start(root)
