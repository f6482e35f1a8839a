import { Button, Group, Modal, NativeSelect, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { ApiError, call } from '../api/client'
import { appPath } from '../api/queries'
import type { Field, Structure, Thing, Value } from '../api/types'
import { t } from '../i18n'
import { readValue } from '../screens/cell'
import { Trouble } from '../ui/state'
import { pathOf } from './fields'
import { tell } from './tell'

/** A small form for a new object: what is required, and the rest when asked for. */
export function CreateObject({ app, structure, opened, close, made }: { app: string; structure: Structure; opened: boolean; close: () => void; made: (id: string) => void }) {
  return (
    <Modal opened={opened} onClose={close} title={t('objects.new')} closeButtonProps={{ 'aria-label': t('close') }}>
      {opened ? <Form app={app} structure={structure} close={close} made={made} /> : null}
    </Modal>
  )
}

function Form({ app, structure, close, made }: { app: string; structure: Structure; close: () => void; made: (id: string) => void }) {
  const [values, setValues] = useState<{ [field: string]: string }>({})
  const [all, setAll] = useState(!structure.fields.some((f) => f.required && f.default === undefined && !f.auto))
  const [unread, setUnread] = useState<string>()
  const create = useMutation({
    mutationFn: (body: { [field: string]: Value }) => call<Thing>('POST', appPath(app, pathOf(structure)), body),
    onSuccess: (answer) => {
      tell(app, t('objects.created', { object: answer.body.id }), answer)
      close()
      made(answer.body.id)
    },
  })
  const needed = (f: Field) => f.required === true && f.default === undefined && !f.auto
  const shown = structure.fields.filter((f) => all || needed(f) || values[f.id])
  const wrong = create.error instanceof ApiError ? create.error : undefined
  const put = (id: string, text: string) => setValues({ ...values, [id]: text })
  const submit = () => {
    const body: { [field: string]: Value } = {}
    setUnread(undefined)
    for (const [name, text] of Object.entries(values)) {
      const field = structure.fields.find((f) => f.id === name)
      if (text === '') continue
      try {
        body[name] = field ? readValue(field, text) : text
      } catch {
        return setUnread(name)
      }
    }
    create.mutate(body)
  }
  const known = shown.map((f) => f.id).concat('id')
  return (
    <form onSubmit={(e) => { e.preventDefault(); submit() }}>
      <Stack gap="sm">
        {shown.map((f) => <Input key={f.id} field={f} value={values[f.id] ?? ''} error={unread === f.id ? t('objects.unread') : wrong?.field(f.id)} required={needed(f)} put={(v) => put(f.id, v)} />)}
        {all ? <TextInput label={t('objects.ownId')} description={t('objects.ownId.why')} value={values['id'] ?? ''} error={wrong?.field('id')} onChange={(e) => put('id', e.currentTarget.value)} /> : null}
        {wrong && !wrong.problem.fields.some((f) => known.includes(f.path)) ? <Trouble error={wrong} /> : null}
        <Group justify="space-between">
          {all ? <span /> : <Button variant="subtle" size="xs" onClick={() => setAll(true)}>{t('objects.allFields')}</Button>}
          <Button type="submit" loading={create.isPending}>{t('scenarios.create')}</Button>
        </Group>
      </Stack>
    </form>
  )
}

function Input({ field, value, error, required, put }: { field: Field; value: string; error: string | undefined; required: boolean; put: (text: string) => void }) {
  const said = field.auto ? t('objects.auto', { form: field.auto }) : field.structure ? t('objects.linkTo', { structure: field.structure }) : undefined
  const common = { label: field.name || field.id, description: said, error, required }
  if (field.type === 'boolean') return <Switch label={common.label} error={error} checked={value === 'true'} onChange={(e) => put(String(e.currentTarget.checked))} />
  if (field.options) return <NativeSelect {...common} data={[{ value: '', label: t('none') }, ...field.options]} value={value} onChange={(e) => put(e.currentTarget.value)} />
  if (field.type === 'json') return <Textarea {...common} className="mono" autosize minRows={2} value={value} onChange={(e) => put(e.currentTarget.value)} />
  return <TextInput {...common} placeholder={field.type === 'date' ? '2026-01-31' : ''} rightSectionWidth={80} rightSection={<Text size="xs">{field.type === 'string' ? '' : t(`type.${field.type}`)}</Text>} value={value} onChange={(e) => put(e.currentTarget.value)} />
}
