import { Badge, Button, Code, CopyButton, Group, NativeSelect, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'

import { t } from '../i18n'
import { type Entry, example, type OpenAPI, type Parameter } from './openapi'

type Answered = { status: number; ms: number; headers: string; body: string }

/** What is shown of an answer; the rest is cut. */
const mostShown = 100_000

/** Sends the operation with the session of whoever is signed in. */
export function TryOut({ doc, entry, app }: { doc: OpenAPI; entry: Entry; app: string }) {
  const { op, method } = entry
  const params = op.parameters ?? []
  const schema = op.requestBody?.content['application/json']?.schema
  const [values, setValues] = useState<{ [name: string]: string }>({ app })
  const [body, setBody] = useState(() => (schema ? JSON.stringify(example(doc, schema), null, 2) : ''))
  const [answer, setAnswer] = useState<Answered>()
  const [busy, setBusy] = useState(false)
  const valueOf = (p: Parameter) => values[p.name] ?? ''
  const path = entry.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
  const query = new URLSearchParams(params.filter((p) => p.in === 'query' && valueOf(p)).map((p) => [p.name, valueOf(p)]))
  const url = `${path}${query.size ? `?${query}` : ''}`
  const headers: { [name: string]: string } = Object.fromEntries(params.filter((p) => p.in === 'header' && valueOf(p)).map((p) => [p.name, valueOf(p)]))
  if (schema) headers['Content-Type'] = 'application/json'
  const send = async () => {
    setBusy(true)
    const began = performance.now()
    try {
      const response = await fetch(url, { method, headers, ...(schema ? { body } : {}) })
      const text = await response.text()
      setAnswer({ status: response.status, ms: Math.round(performance.now() - began), headers: [...response.headers].filter(([name]) => /^(etag|cuelight-|location|retry-after|content-type)/.test(name)).map(([name, value]) => `${name}: ${value}`).join('\n'), body: pretty(text) })
    } catch (error) {
      setAnswer({ status: 0, ms: 0, headers: '', body: String(error) })
    }
    setBusy(false)
  }
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  const curl = ['curl', ...(method === 'GET' ? [] : ['-X', method]), quote(window.location.origin + url), '-H', quote('Authorization: Bearer cue_…'), ...Object.entries(headers).flatMap(([name, value]) => ['-H', quote(`${name}: ${value}`)]), ...(schema ? ['-d', quote(body)] : [])].join(' ')
  return (
    <form onSubmit={(e) => { e.preventDefault(); void send() }}>
      <Stack gap="xs">
        <Group align="flex-start" gap="sm">{params.map((p) => <Input key={`${p.in} ${p.name}`} parameter={p} value={valueOf(p)} put={(v) => setValues({ ...values, [p.name]: v })} />)}</Group>
        {schema ? <Textarea className="mono" label={t('docs.body')} autosize minRows={2} maxRows={20} spellCheck={false} value={body} onChange={(e) => setBody(e.currentTarget.value)} /> : null}
        <Group gap="xs">
          <Button type="submit" size="xs" loading={busy}>{t('docs.send')}</Button>
          <CopyButton value={curl}>{({ copied, copy }) => <Button size="xs" variant="default" onClick={copy}>{copied ? t('live.copied') : t('docs.curl')}</Button>}</CopyButton>
          {method === 'GET' ? null : <Text size="xs">{t('docs.real')}</Text>}
        </Group>
        {answer ? (
          <div role="status">
            <Group gap="xs" mb={4}><Badge color={answer.status >= 200 && answer.status < 400 ? 'green' : 'red'} variant="light" className="status">{answer.status || t('docs.nothing')}</Badge><Text size="sm">{answer.ms} ms</Text></Group>
            <Code block tabIndex={0} className="answer">{[answer.headers, answer.body].filter(Boolean).join('\n\n')}</Code>
          </div>
        ) : null}
      </Stack>
    </form>
  )
}

function Input({ parameter: p, value, put }: { parameter: Parameter; value: string; put: (value: string) => void }) {
  const common = { size: 'xs' as const, w: 260, label: `${p.name} (${p.in})`, description: p.description, required: p.required ?? false, value }
  if (p.schema.enum || p.schema.type === 'boolean') return <NativeSelect {...common} data={['', ...(p.schema.enum ?? [true, false]).map(String)]} onChange={(e) => put(e.currentTarget.value)} />
  return <TextInput {...common} placeholder={p.schema.default === undefined ? '' : String(p.schema.default)} onChange={(e) => put(e.currentTarget.value)} />
}

function pretty(text: string): string {
  let out = text
  try {
    out = JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    // shown as it came
  }
  return out.length > mostShown ? `${out.slice(0, mostShown)}\n…` : out
}
