import { ActionIcon, AppShell, Burger, Group, NativeSelect, NavLink, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Activity, CircleHelp, Database, House, KeyRound, Languages, LogOut, Moon, Radio, Search, Sun, Users, Workflow, Zap } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'

import { call } from '../api/client'
import { queryClient, useApps } from '../api/queries'
import { choose, language, t } from '../i18n'
import { Away } from '../ui/away'

const Jump = lazy(async () => ({ default: (await import('./jump')).Jump }))

/** The frame around every screen of an app. */
export function Shell({ app, session, children }: { app: string; session: string; children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure()
  const [location, navigate] = useLocation()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const apps = useApps()
  const at = `/a/${encodeURIComponent(app)}`
  const rooms = [
    { to: `${at}/`, label: t('nav.overview'), icon: <House size={18} />, here: location === `${at}/` || location === at },
    { to: `${at}/scenarios`, label: t('nav.scenarios'), icon: <Workflow size={18} />, here: location.startsWith(`${at}/scenarios`) },
    { to: `${at}/runs`, label: t('nav.runs'), icon: <Activity size={18} />, here: location.startsWith(`${at}/runs`) || location.startsWith(`${at}/changes`) },
    { to: `${at}/live`, label: t('nav.live'), icon: <Radio size={18} />, here: location.startsWith(`${at}/live`) },
    { to: `${at}/objects`, label: t('nav.objects'), icon: <Database size={18} />, here: location.startsWith(`${at}/objects`) },
    { to: `${at}/users`, label: t('nav.users'), icon: <Users size={18} />, here: location.startsWith(`${at}/users`) },
    { to: `${at}/values`, label: t('nav.values'), icon: <KeyRound size={18} />, here: location.startsWith(`${at}/values`) },
  ]
  const signOut = async () => {
    await call('DELETE', '/session')
    queryClient.clear()
    window.location.assign('/')
  }
  const [jumping, setJumping] = useState<boolean>() // undefined: not yet, so that nothing of it is loaded
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (!(e.ctrlKey || e.metaKey) || e.shiftKey || e.altKey || e.code !== 'KeyK') return
      e.preventDefault()
      setJumping((open) => !open)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  const turnTheme = () => setColorScheme(scheme === 'dark' ? 'light' : 'dark')
  const turnLanguage = () => {
    choose(language === 'en' ? 'ru' : 'en')
    window.location.reload()
  }
  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <a className="skip" href="#content">{t('app.skip')}</a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('nav.menu')} />
            <Zap size={20} aria-hidden />
            <Text fw={700} visibleFrom="xs">Cuelight</Text>
            <NativeSelect
              size="xs" w={{ base: 110, xs: 150 }} aria-label={t('nav.app')} value={app}
              data={(apps.data?.items ?? [{ id: app }]).map((a) => ({ value: a.id, label: a.name || a.id }))}
              onChange={(e) => navigate(`/a/${encodeURIComponent(e.currentTarget.value)}/`)}
            />
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Text size="sm" visibleFrom="sm">{session}</Text>
            <ActionIcon variant="subtle" aria-label={t('jump.title')} title={`${t('jump.title')} (Ctrl+K)`} onClick={() => setJumping(true)}><Search size={18} /></ActionIcon>
            <ActionIcon variant="subtle" aria-label={t('nav.language')} onClick={turnLanguage}><Languages size={18} /></ActionIcon>
            <ActionIcon variant="subtle" aria-label={t('nav.theme')} onClick={turnTheme}>{scheme === 'dark' ? <Sun size={18} /> : <Moon size={18} />}</ActionIcon>
            <ActionIcon variant="subtle" aria-label={t('nav.signOut')} onClick={() => void signOut()}><LogOut size={18} /></ActionIcon>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        {rooms.map((r) => (
          <NavLink key={r.to} component={Link} href={r.to} label={r.label} leftSection={r.icon} active={r.here} aria-current={r.here ? 'page' : undefined} onClick={close} />
        ))}
        <NavLink href="/help/" target="_blank" label={t('nav.help')} leftSection={<CircleHelp size={18} />} />
      </AppShell.Navbar>
      {jumping === undefined ? null : <Suspense><Jump app={app} rooms={rooms} opened={jumping} close={() => setJumping(false)} actions={{ theme: turnTheme, language: turnLanguage, signOut: () => void signOut() }} /></Suspense>}
      <AppShell.Main id="content"><Away />{children}</AppShell.Main>
    </AppShell>
  )
}
