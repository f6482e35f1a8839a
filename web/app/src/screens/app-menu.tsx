import { Button, Menu } from '@mantine/core'
import { ChevronDown } from 'lucide-react'
import { useLocation } from 'wouter'

import { useApps } from '../api/queries'
import { t } from '../i18n'

/** The name of the app, which leads to the others. */
export function AppMenu({ app, named }: { app: string; named: string }) {
  const apps = useApps()
  const [, navigate] = useLocation()
  return (
    <Menu position="bottom-start">
      <Menu.Target><Button size="xs" variant="default" maw={{ base: 120, xs: 220 }} rightSection={<ChevronDown size={14} />} aria-label={`${t('nav.app')}: ${named}`}>{named}</Button></Menu.Target>
      <Menu.Dropdown>
        {(apps.data?.items ?? []).map((a) => <Menu.Item key={a.id} disabled={a.id === app} onClick={() => navigate(`/a/${encodeURIComponent(a.id)}/`)}>{a.name || a.id}</Menu.Item>)}
        <Menu.Divider />
        <Menu.Item onClick={() => navigate(`/a/${encodeURIComponent(app)}/apps`)}>{t('apps.all')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
