import { ActionIcon, Autocomplete, Button, Group, MultiSelect, NativeSelect, NumberInput, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { Plus, X } from 'lucide-react'
import { lazy, type ReactNode, Suspense } from 'react'

import type { Schema, Step } from '../api/types'
import { t } from '../i18n'
import { ExpressionField } from './expression-field'
import type { Nouns } from './schema-form'

const ConditionRows = lazy(async () => ({ default: (await import('./condition-rows')).ConditionRows }))

type Props = { name: string; schema: Schema; required: boolean; value: unknown; step: Step; error: string | undefined; hint: (name: string) => ReactNode; nouns: Nouns; onChange: (value: unknown) => void }

const text = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value))

/** Empty is left out of the document. */
const orNothing = (value: string): string | undefined => (value === '' ? undefined : value)

/** The field of one setting, chosen by what the schema says of it. A kind that needs a better field gets a better widget, for all. */
export function Widget(p: Props) {
  const { name, schema, required, value, error, nouns, onChange } = p
  const common = { label: schema.title ?? name, description: schema.description, withAsterisk: required, error }
  const widget = schema['x-ui']?.widget
  if (schema.format === 'cases') return <Cases {...p} />
  if (schema.format === 'fields' || schema.format === 'arguments' || (schema.type === 'object' && schema.format !== 'tree')) return <Pairs {...p} />
  if (name === 'on' && schema.type === 'array') return <MultiSelect {...common} data={['created', 'changed', 'deleted']} value={(value as string[] | undefined) ?? []} onChange={onChange} />
  if (schema.type === 'array') {
    const fields = nouns.fieldsOf(nouns.structure).map((f) => f.id)
    return <TagsInput {...common} data={name === 'fields' ? fields : []} value={(value as string[] | undefined) ?? []} onChange={(v) => onChange(v.length > 0 ? v : undefined)} />
  }
  if (widget === 'structure' || widget === 'scenario') return <Autocomplete {...common} data={widget === 'structure' ? nouns.structures : nouns.scenarios} value={text(value)} onChange={(v) => onChange(orNothing(v))} />
  if (schema.enum) {
    const none = { value: '', label: schema.default === undefined ? t('none') : `${text(schema.default)}` }
    return <NativeSelect {...common} data={[none, ...schema.enum.filter((o) => o !== schema.default)]} value={text(value) === schema.default ? '' : text(value)} onChange={(e) => onChange(orNothing(e.currentTarget.value))} />
  }
  if (schema.type === 'boolean') return <Switch label={common.label} description={schema.description} error={error} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked || undefined)} />
  if (schema.type === 'integer' || schema.type === 'number') return <NumberInput {...common} allowDecimal={schema.type === 'number'} value={typeof value === 'number' ? value : ''} onChange={(v) => onChange(typeof v === 'number' ? v : undefined)} />
  if (schema.format === 'tree') return <ExpressionField {...common} name={name} form="template" hint={p.hint(name)} required={required} value={text(value)} means={(typed) => text(tree(typed, p.step)) === text(value)} onChange={(v) => onChange(tree(v, p.step))} />
  if (schema.format === 'expression' && (name === 'if' || name === 'only_if')) {
    return (
      <ExpressionField
        {...common} name={name} form="expression" required={required} value={text(value)} onChange={(v) => onChange(orNothing(v))}
        hint={<><Suspense><ConditionRows label={common.label} value={text(value)} fields={nouns.fieldsOf(nouns.structure)} onChange={(v) => onChange(orNothing(v))} /></Suspense>{p.hint(name)}</>}
      />
    )
  }
  if (schema.format === 'template' || schema.format === 'expression' || schema.format === 'filter') return <ExpressionField {...common} name={name} form={schema.format} hint={p.hint(name)} required={required} value={text(value)} onChange={(v) => onChange(orNothing(v))} />
  return <TextInput {...common} value={text(value)} onChange={(e) => onChange(orNothing(e.currentTarget.value))} inputContainer={(input) => <>{input}{p.hint(name)}</>} />
}

/** A typed message: a JSON value where it is sent as one and can be read as one, else its text. */
function tree(typed: string, step: Step): unknown {
  if (typed === '') return undefined
  if (step['mode'] !== 'json' && step['body_type'] !== 'json') return typed
  try {
    return JSON.parse(typed)
  } catch {
    return typed
  }
}

/** Names and values: the fields to set, a scenario's parameters, headers. */
function Pairs({ name, schema, value, step, error, hint, nouns, onChange }: Props) {
  const pairs = Object.entries((value as { [key: string]: unknown } | undefined) ?? {})
  const structure = typeof step['structure'] === 'string' ? step['structure'] : nouns.structure
  const known = schema.format === 'fields' ? nouns.fieldsOf(structure).map((f) => f.id) : []
  const put = (next: [string, unknown][]) => onChange(next.length > 0 ? Object.fromEntries(next) : undefined)
  const label = schema.title ?? name
  return (
    <Stack gap={4} role="group" aria-label={label}>
      <Text size="sm" fw={500}>{label}</Text>
      <Text size="xs">{schema.description}</Text>
      {pairs.map(([key, v], i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a name may be typed anew, its place stays
        <Group key={i} gap={4} wrap="nowrap" align="flex-start">
          <Autocomplete aria-label={`${label} ${i + 1}`} w={130} data={known} value={key} onChange={(k) => put(pairs.map((p, j) => (j === i ? [k, p[1]] : p)))} />
          <ExpressionField name={`${name}.${key}`} dataKey={key} hidden label={`${label} ${key}`} form="template" hint={hint(`${name}.${key}`)} value={text(v)} means={(typed) => text(literal(typed, v)) === text(v)} onChange={(typed) => put(pairs.map((p, j) => (j === i ? [p[0], literal(typed, v)] : p)))} />
          <ActionIcon variant="subtle" mt={4} aria-label={`${t('builder.delete')} ${key}`} onClick={() => put(pairs.filter((_, j) => j !== i))}><X size={16} /></ActionIcon>
        </Group>
      ))}
      {error ? <Text size="xs" c="red">{error}</Text> : null}
      <Button variant="default" size="xs" leftSection={<Plus size={14} />} onClick={() => put([...pairs, [known.find((k) => !pairs.some(([p]) => p === k)) ?? '', '']])}>{label}</Button>
    </Stack>
  )
}

/** A typed value: what was a number, a truth value or a structure stays one where it still reads as one. */
function literal(typed: string, was: unknown): unknown {
  if (typeof was === 'string') return typed
  try {
    return JSON.parse(typed)
  } catch {
    return typed
  }
}

/** The questions of a switch; the steps of each are on the canvas. */
function Cases({ name, schema, value, error, hint, onChange }: Props) {
  const cases = (value as { if?: string; then?: unknown[] }[] | undefined) ?? []
  const label = schema.title ?? ''
  return (
    <Stack gap={4} role="group" aria-label={label}>
      <Text size="sm" fw={500}>{label}</Text>
      <Text size="xs">{schema.description}</Text>
      {cases.map((c, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a case has nothing but its place
        <Group key={i} gap={4} wrap="nowrap" align="flex-start">
          <ExpressionField name={`${name}[${i}].if`} dataKey={i} hidden label={`${label} ${i + 1}`} form="expression" hint={hint(`${name}[${i}].if`)} value={c.if ?? ''} onChange={(v) => onChange(cases.map((d, j) => (j === i ? { ...d, if: v } : d)))} />
          <ActionIcon variant="subtle" mt={4} aria-label={`${t('builder.delete')} ${i + 1}`} onClick={() => onChange(cases.filter((_, j) => j !== i))}><X size={16} /></ActionIcon>
        </Group>
      ))}
      {error ? <Text size="xs" c="red">{error}</Text> : null}
      <Button variant="default" size="xs" leftSection={<Plus size={14} />} onClick={() => onChange([...cases, { if: '', then: [] }])}>{label}</Button>
    </Stack>
  )
}
