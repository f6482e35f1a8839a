import { Button, Group, Modal, Select, SimpleGrid, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'

import { ApiError, call } from '../api/client'
import { appPath, queryClient, useScenarios, useStructures } from '../api/queries'
import { t } from '../i18n'
import { eventOf, fill, suited, type TemplateID, templates } from '../model/templates'

const toID = (name: string): string => name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 63)

const known = (wanted: string): TemplateID | undefined => templates.find((id) => id === wanted)

/** Makes a scenario: an empty one, or one that a template makes for a structure and an event name. */
export function NewScenario({ app, wanted, close }: { app: string; wanted: string; close: () => void }) {
  const [, navigate] = useLocation()
  const [template, setTemplate] = useState(known(wanted))
  const create = useMutation({
    mutationFn: (doc: { id: string }) => call('PUT', appPath(app, `/scenarios/${encodeURIComponent(doc.id)}/draft`), { kind: 'scenario', ...doc }, { 'If-None-Match': '*' }),
    onSuccess: async (_, doc) => {
      await queryClient.invalidateQueries({ queryKey: [app, 'scenarios'] })
      navigate(`/a/${encodeURIComponent(app)}/scenarios/${doc.id}`)
    },
  })
  const error = create.error instanceof ApiError ? (create.error.field('id') ?? create.error.message) : undefined
  const make = (doc: { id: string }) => create.mutate(doc)
  return (
    <Modal opened onClose={close} size="xl" title={t('scenarios.new')} closeButtonProps={{ 'aria-label': t('close') }}>
      <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="xs" mb="md" role="group" aria-label={t('templates.title')}>
        {([undefined, ...templates] as const).map((id) => (
          <UnstyledButton key={id ?? 'blank'} className="template" aria-pressed={template === id} onClick={() => setTemplate(id)}>
            <Text fw={600} size="sm">{t(`templates.${id ?? 'blank'}`)}</Text>
            <Text size="xs">{t(`templates.${id ?? 'blank'}.why`)}</Text>
          </UnstyledButton>
        ))}
      </SimpleGrid>
      {template ? <Filled key={template} app={app} template={template} busy={create.isPending} error={error} make={make} /> : <Blank app={app} busy={create.isPending} error={error} make={make} />}
    </Modal>
  )
}

type Form = { app: string; busy: boolean; error: string | undefined; make: (doc: { id: string; [setting: string]: unknown }) => void }

function Blank({ app, busy, error, make }: Form) {
  const structures = useStructures(app)
  const [name, setName] = useState('')
  const [id, setID] = useState<string>()
  const [structure, setStructure] = useState<string | null>(null)
  const wanted = id ?? toID(name)
  return (
    <form onSubmit={(e) => { e.preventDefault(); make({ id: wanted, name, ...(structure ? { structure } : {}), triggers: [], steps: [] }) }}>
      <Stack>
        <TextInput label={t('scenarios.name')} required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
        <TextInput label={t('scenarios.id')} required value={wanted} onChange={(e) => setID(e.currentTarget.value)} error={error} />
        <Select label={t('scenarios.structure')} clearable placeholder={t('scenarios.noStructure')} value={structure} onChange={setStructure} data={(structures.data?.items ?? []).map((s) => ({ value: s.id, label: s.name || s.id }))} />
        <Group justify="flex-end"><Button type="submit" loading={busy}>{t('scenarios.create')}</Button></Group>
      </Stack>
    </form>
  )
}

function Filled({ app, template, busy, error, make }: Form & { template: TemplateID }) {
  const structures = useStructures(app)
  const scenarios = useScenarios(app)
  const [chosen, choose] = useState<string | null>(null)
  const [typed, setTyped] = useState<string>()
  const fitting = suited(template, structures.data?.items ?? [])
  const structure = fitting.find((s) => s.id === chosen) ?? fitting[0]
  if (structures.isSuccess && !structure) return <Text role="status">{t('templates.none')}</Text>
  if (!structure) return null
  const event = typed ?? eventOf(template, structure)
  const submit = () => {
    const taken = new Set(scenarios.data?.items.map((s) => s.id))
    const base = toID(`${template}-${structure.id}`)
    let id = base
    for (let n = 2; taken.has(id); n++) id = `${base}-${n}`
    make({ id, name: `${t(`templates.${template}`)}: ${structure.name || structure.id}`, structure: structure.id, ...fill(template, structure, event) })
  }
  return (
    <form onSubmit={(e) => { e.preventDefault(); submit() }}>
      <Stack>
        <Select label={t('templates.structure')} allowDeselect={false} value={structure.id} onChange={choose} data={fitting.map((s) => ({ value: s.id, label: s.name || s.id }))} />
        <TextInput label={t('templates.event')} required maxLength={128} value={event} onChange={(e) => setTyped(e.currentTarget.value)} error={error} />
        <Group justify="flex-end"><Button type="submit" loading={busy}>{t('templates.use')}</Button></Group>
      </Stack>
    </form>
  )
}
