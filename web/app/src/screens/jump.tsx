import { Badge, Group, Modal, ScrollArea, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useId, useState } from 'react'
import { useLocation } from 'wouter'

import { call } from '../api/client'
import { appPath, useScenarios, useStructures } from '../api/queries'
import type { Page, Run, Structure, Thing } from '../api/types'
import { type Key, t } from '../i18n'

type Hit = { id: string; of: Key; label: string; more?: string; go: () => void }

const objectID = /^[A-Za-z0-9._~@:-]{1,64}$/
const most = 12
const mostStructures = 20

/** Looks up objects by id in every structure, and runs by id. What has no such id answers with an empty list. */
function useIDs(app: string, words: string, structures: Structure[]) {
  return useQuery({
    queryKey: [app, 'jump', words, structures.length],
    enabled: objectID.test(words),
    staleTime: 10_000,
    queryFn: async () => {
      const objects = structures.slice(0, mostStructures).map(async (s) => {
        const query = new URLSearchParams({ filter: `id = "${words}"`, limit: '1' })
        const { items } = (await call<Page<Thing>>('GET', appPath(app, `/structures/${encodeURIComponent(s.id)}/objects?${query}`))).body
        return items.map((o) => ({ structure: s.id, id: o.id }))
      })
      const runs = words.length < 4 ? [] : (await call<Page<Run>>('GET', appPath(app, '/runs?limit=200'))).body.items.filter((r) => r.id.startsWith(words))
      return { objects: (await Promise.all(objects)).flat(), runs }
    },
  })
}

/** Ctrl+K: one list over all that an app has and all that can be done. */
export function Jump({ app, rooms, opened, close, actions }: {
  app: string
  rooms: { to: string; label: string }[]
  opened: boolean
  close: () => void
  actions: { theme: () => void; language: () => void; signOut: () => void }
}) {
  return (
    <Modal opened={opened} onClose={close} title={t('jump.title')} yOffset="10vh" scrollAreaComponent={ScrollArea.Autosize} closeButtonProps={{ 'aria-label': 'x' }}>
      {opened ? <Search app={app} rooms={rooms} close={close} actions={actions} /> : null}
    </Modal>
  )
}

function Search({ app, rooms, close, actions }: { app: string; rooms: { to: string; label: string }[]; close: () => void; actions: { theme: () => void; language: () => void; signOut: () => void } }) {
  const [words, setWords] = useState('')
  const [at, setAt] = useState(0)
  const [, navigate] = useLocation()
  const list = useId()
  const scenarios = useScenarios(app).data?.items ?? []
  const structures = useStructures(app).data?.items ?? []
  const [id] = useDebouncedValue(words.trim(), 150)
  const found = useIDs(app, id, structures)
  const to = (path: string) => () => navigate(`/a/${encodeURIComponent(app)}${path}`)
  const all: Hit[] = [
    ...scenarios.map((s): Hit => ({ id: `scenario ${s.id}`, of: 'jump.scenario', label: s.name || s.id, more: s.id, go: to(`/scenarios/${encodeURIComponent(s.id)}`) })),
    ...structures.map((s): Hit => ({ id: `structure ${s.id}`, of: 'jump.structure', label: s.name || s.id, more: s.id, go: to(`/objects/${encodeURIComponent(s.id)}`) })),
    ...rooms.map((r): Hit => ({ id: `room ${r.to}`, of: 'jump.screen', label: r.label, go: () => navigate(r.to) })),
    { id: 'new', of: 'jump.action', label: t('scenarios.new'), go: to('/scenarios?new=') },
    { id: 'send', of: 'jump.action', label: t('live.send'), go: to('/live') },
    { id: 'theme', of: 'jump.action', label: t('nav.theme'), go: actions.theme },
    { id: 'language', of: 'jump.action', label: t('nav.language'), go: actions.language },
    { id: 'signOut', of: 'jump.action', label: t('nav.signOut'), go: actions.signOut },
  ]
  const want = words.toLowerCase().split(/\s+/).filter(Boolean)
  const text = (h: Hit) => `${h.label} ${h.more ?? ''} ${t(h.of)}`.toLowerCase()
  const byID: Hit[] = want.length === 0 || id !== words.trim() || !found.data ? [] : [
    ...found.data.objects.map((o): Hit => ({ id: `object ${o.structure} ${o.id}`, of: 'jump.object', label: `${o.structure} ${o.id}`, go: to(`/objects/${encodeURIComponent(o.structure)}?filter=${encodeURIComponent(`id = "${o.id}"`)}`) })),
    ...found.data.runs.map((r): Hit => ({ id: `run ${r.id}`, of: 'jump.run', label: r.scenario, more: r.id, go: to(`/runs/${encodeURIComponent(r.id)}`) })),
  ]
  // What is called so comes before what is of such a sort.
  const named = (h: Hit) => (want.every((w) => h.label.toLowerCase().includes(w)) ? 0 : 1)
  const hits = [...byID, ...all.filter((h) => want.every((w) => text(h).includes(w))).sort((a, b) => named(a) - named(b))].slice(0, most)
  const chosen = hits[Math.min(at, hits.length - 1)]
  useEffect(() => {
    if (chosen) document.getElementById(`${list} ${chosen.id}`.replaceAll(' ', '_'))?.scrollIntoView({ block: 'nearest' })
  }, [chosen, list])
  const take = (hit: Hit | undefined) => {
    if (!hit) return
    close()
    hit.go()
  }
  const onKey = (e: React.KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (by !== undefined && hits.length > 0) {
      e.preventDefault()
      setAt((Math.min(at, hits.length - 1) + by + hits.length) % hits.length)
    }
    if (e.key === 'Enter') {
      e.preventDefault()
      take(chosen)
    }
  }
  return (
    <>
      <TextInput
        data-autofocus role="combobox" aria-expanded aria-controls={list} aria-autocomplete="list" aria-activedescendant={chosen ? `${list} ${chosen.id}`.replaceAll(' ', '_') : undefined} aria-label={t('jump.find')} placeholder={t('jump.find')}
        value={words} onChange={(e) => { setWords(e.currentTarget.value); setAt(0) }} onKeyDown={onKey}
      />
      <div role="listbox" id={list} aria-label={t('jump.title')} className="jump">
        {hits.map((h) => (
          <div key={h.id} id={`${list} ${h.id}`.replaceAll(' ', '_')} role="option" aria-selected={h === chosen} onClick={() => take(h)}>
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <Text size="sm" truncate>{h.label} {h.more && h.more !== h.label ? <span className="jump-id">{h.more}</span> : null}</Text>
              <Badge variant="default" className="status" style={{ flexShrink: 0 }}>{t(h.of)}</Badge>
            </Group>
          </div>
        ))}
      </div>
      {hits.length === 0 ? <Text size="sm" role="status">{t('jump.nothing')}</Text> : null}
    </>
  )
}
