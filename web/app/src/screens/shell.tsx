import { ActionIcon, AppShell, Badge, Burger, Group, NavLink, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Activity, AppWindow, CircleHelp, Code2, Database, House, KeyRound, Languages, LogOut, Moon, Radio, Search, Settings as Cog, ShieldCheck, Sun, Users, Workflow, Zap } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'

import { call } from '../api/client'
import { queryClient, useApps, useSession } from '../api/queries'
import { choose, language, t } from '../i18n'
import { Away } from '../ui/away'

const AppMenu = lazy(async () => ({ default: (await import('./app-menu')).AppMenu }))
const Jump = lazy(async () => ({ default: (await import('./jump')).Jump }))

/** The frame around every screen of an app. */
export function Shell({ app, session, children }: { app: string; session: string; children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure()
  const [location] = useLocation()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const apps = useApps()
  const role = useSession().data?.role
  const at = `/a/${encodeURIComponent(app)}`
  const rooms = [
    { to: `${at}/`, label: t('nav.overview'), icon: <House size={18} />, here: location === `${at}/` || location === at },
    { to: `${at}/scenarios`, label: t('nav.scenarios'), icon: <Workflow size={18} />, here: location.startsWith(`${at}/scenarios`) },
    { to: `${at}/runs`, label: t('nav.runs'), icon: <Activity size={18} />, here: location.startsWith(`${at}/runs`) || location.startsWith(`${at}/changes`) },
    { to: `${at}/live`, label: t('nav.live'), icon: <Radio size={18} />, here: location.startsWith(`${at}/live`) },
    { to: `${at}/objects`, label: t('nav.objects'), icon: <Database size={18} />, here: location.startsWith(`${at}/objects`) || location.startsWith(`${at}/structures`) },
    { to: `${at}/users`, label: t('nav.users'), icon: <Users size={18} />, here: location.startsWith(`${at}/users`) },
    { to: `${at}/values`, label: t('nav.values'), icon: <KeyRound size={18} />, here: location.startsWith(`${at}/values`) },
    { to: `${at}/access`, label: t('nav.access'), icon: <ShieldCheck size={18} />, here: location.startsWith(`${at}/access`) },
    { to: `${at}/apps`, label: t('nav.apps'), icon: <AppWindow size={18} />, here: location.startsWith(`${at}/apps`) },
    { to: `${at}/settings`, label: t('nav.settings'), icon: <Cog size={18} />, here: location.startsWith(`${at}/settings`) },
  ]
  const named = apps.data?.items.find((a) => a.id === app)?.name || app
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
            <Suspense fallback={<Text size="sm">{named}</Text>}><AppMenu app={app} named={named} /></Suspense>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Text size="sm" visibleFrom="sm">{session}</Text>
            {role && role !== 'admin' ? <Badge variant="light" color="gray" className="status" title={t(role === 'viewer' ? 'may.builder' : 'may.admin')}>{t(`role.${role}`)}</Badge> : null}
            <ActionIcon variant="subtle" aria-label={t('jump.title')} title={`${t('jump.title')} (Ctrl+K)`} onClick={() => setJumping(true)}><Search size={18} /></ActionIcon>
            <ActionIcon variant="subtle" aria-label={t('nav.language')} onClick={turnLanguage}><Languages size={18} /></ActionIcon>
            <ActionIcon variant="subtle" aria-label={t('nav.theme')} onClick={turnTheme}>{scheme === 'dark' ? <Sun size={18} /> : <Moon size={18} />}</ActionIcon>
            <ActionIcon variant="subtle" aria-label={t('nav.signOut')} onClick={() => void signOut()}><LogOut size={18} /></ActionIcon>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="rooms">
        {rooms.map((r) => (
          <NavLink key={r.to} component={Link} href={r.to} label={r.label} leftSection={r.icon} active={r.here} aria-current={r.here ? 'page' : undefined} onClick={close} />
        ))}
        <NavLink href="/help/" target="_blank" label={t('nav.help')} leftSection={<CircleHelp size={18} />} />
        <NavLink href="/api/docs" target="_blank" label={t('nav.docs')} leftSection={<Code2 size={18} />} />
      </AppShell.Navbar>
      {jumping === undefined ? null : <Suspense><Jump app={app} rooms={rooms} opened={jumping} close={() => setJumping(false)} actions={{ theme: turnTheme, language: turnLanguage, signOut: () => void signOut() }} /></Suspense>}
      <AppShell.Main id="content"><Away />{children}</AppShell.Main>
    </AppShell>
  )
}
