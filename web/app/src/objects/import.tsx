import { Alert, Button, Checkbox, FileInput, Group, Modal, Progress, Stack, Table, Text } from '@mantine/core'
import { useRef, useState } from 'react'

import { ApiError, call, type Problem } from '../api/client'
import { appPath, queryClient } from '../api/queries'
import type { Structure, Value } from '../api/types'
import { t } from '../i18n'
import { readValue } from '../screens/cell'
import { readCsv } from './csv'

type Op = { op: 'create' | 'patch'; id?: string; fields: { [field: string]: Value } }
type Result = { status: number; error?: Problem }
type Wrong = { row: number; why: string }
type State = { done: number; total: number; made: number; changed: number; wrong: Wrong[]; over: boolean; stopped?: string }

const piece = 100
const shownErrors = 200

/** Reads objects from a CSV file and writes them in pieces; each row is judged by itself. */
export function ImportObjects({ app, structure, opened, close }: { app: string; structure: Structure; opened: boolean; close: () => void }) {
  const [file, setFile] = useState<File | null>(null)
  const [renew, setRenew] = useState(false)
  const [silent, setSilent] = useState(false)
  const [unread, setUnread] = useState<string>()
  const [state, setState] = useState<State>()
  const stop = useRef(false)
  const busy = state !== undefined && !state.over
  const start = async () => {
    setUnread(undefined)
    stop.current = false
    try {
      const { ops, rows, wrong } = opsOf(structure, await file!.text())
      let s: State = { done: wrong.length, total: ops.length + wrong.length, made: 0, changed: 0, wrong, over: false }
      setState(s)
      for (let i = 0; i < ops.length && !stop.current; i += piece) {
        s = add(s, await write(app, structure, ops.slice(i, i + piece), silent, renew), rows.slice(i, i + piece))
        setState(s)
      }
      setState({ ...s, over: true, ...(stop.current ? { stopped: t('import.stopped') } : {}) })
    } catch (error) {
      if (error instanceof Unreadable) setUnread(error.message)
      else setState((s) => s && { ...s, over: true, stopped: error instanceof ApiError ? error.message : String(error) })
    }
    void queryClient.invalidateQueries({ queryKey: [app] })
  }
  const leave = () => {
    stop.current = true
    setState(undefined)
    setFile(null)
    close()
  }
  return (
    <Modal opened={opened} onClose={leave} size="lg" title={t('import.title', { structure: structure.name || structure.id })} closeButtonProps={{ 'aria-label': t('close') }}>
      <Stack gap="sm">
        <Text size="sm">{t('import.how', { fields: structure.fields.map((f) => f.id).join(', ') })}</Text>
        <FileInput label={t('import.file')} accept=".csv,text/csv,text/plain" placeholder={t('import.choose')} value={file} onChange={(f) => { setFile(f); setState(undefined) }} error={unread} disabled={busy} clearable clearButtonProps={{ 'aria-label': t('test.clear') }} />
        <Checkbox label={t('import.renew')} checked={renew} disabled={busy} onChange={(e) => setRenew(e.currentTarget.checked)} />
        <Checkbox label={t('import.silent')} checked={silent} disabled={busy} onChange={(e) => setSilent(e.currentTarget.checked)} />
        {state ? <Report state={state} /> : null}
        <Group justify="flex-end">
          {busy ? <Button variant="default" onClick={() => { stop.current = true }}>{t('import.stop')}</Button> : null}
          {state?.over ? <Button variant="default" onClick={leave}>{t('close')}</Button> : <Button disabled={!file} loading={busy} onClick={() => void start()}>{t('import.start')}</Button>}
        </Group>
      </Stack>
    </Modal>
  )
}

function Report({ state }: { state: State }) {
  return (
    <Stack gap="xs">
      <Progress value={state.total ? (100 * state.done) / state.total : 100} aria-label={t('import.progress')} />
      <Text size="sm" role="status">{t('import.done', { done: state.done, total: state.total })} · {t('import.made', { n: state.made })} · {t('import.changed', { n: state.changed })} · {t('import.wrong', { n: state.wrong.length })}</Text>
      {state.stopped ? <Alert color="yellow">{state.stopped}</Alert> : null}
      {state.wrong.length > 0 ? (
        <div className="grid-wrap tall" tabIndex={0} role="region" aria-label={t('import.wrong', { n: state.wrong.length })}>
          <Table verticalSpacing={2}>
            <Table.Thead><Table.Tr><Table.Th>{t('import.row')}</Table.Th><Table.Th>{t('import.why')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{state.wrong.slice(0, shownErrors).map((w) => <Table.Tr key={w.row}><Table.Td>{w.row}</Table.Td><Table.Td>{w.why}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </div>
      ) : null}
    </Stack>
  )
}

/** The file as a whole can not be used. */
class Unreadable extends Error {}

/** What the rows of a file ask for; the row of each op is its line counted from the head, which is 1. It fails with Unreadable. */
function opsOf(structure: Structure, text: string): { ops: Op[]; rows: number[]; wrong: Wrong[] } {
  const [head, ...lines] = readCsv(text)
  if (!head || lines.length === 0) throw new Unreadable(t('import.empty'))
  const names = head.map((h) => h.trim())
  const fields = names.map((name) => structure.fields.find((f) => f.id === name || f.name === name))
  const odd = names.find((name, i) => name !== 'id' && !fields[i])
  if (odd !== undefined) throw new Unreadable(t('import.unknown', { field: odd }))
  const ops: Op[] = []
  const rows: number[] = []
  const wrong: Wrong[] = []
  lines.forEach((cells, at) => {
    const op: Op = { op: 'create', fields: {} }
    try {
      names.forEach((name, i) => {
        const cell = cells[i] ?? ''
        if (name === 'id' && cell) op.id = cell
        const field = fields[i]
        if (field && cell !== '') op.fields[field.id] = field.type === 'string' ? cell : readValue(field, cell)
      })
      ops.push(op)
      rows.push(at + 2)
    } catch (error) {
      wrong.push({ row: at + 2, why: String(error) })
    }
  })
  return { ops, rows, wrong }
}

/** Writes one piece, and waits where the server asks for it. What is there already is changed instead when renew says so. */
async function write(app: string, structure: Structure, ops: Op[], silent: boolean, renew: boolean): Promise<(Result & { changed: boolean })[]> {
  const send = async (list: Op[]): Promise<Result[]> => {
    for (;;) {
      try {
        return (await call<{ results: Result[] }>('POST', appPath(app, `/structures/${encodeURIComponent(structure.id)}/objects:batch${silent ? '?silent=true' : ''}`), { ops: list })).body.results
      } catch (error) {
        if (!(error instanceof ApiError) || error.problem.status !== 429) throw error
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
    }
  }
  const results = (await send(ops)).map((r) => ({ ...r, changed: false }))
  const there = renew ? results.flatMap((r, i) => (r.status === 409 && ops[i]?.id ? [i] : [])) : []
  if (there.length > 0) {
    const again = await send(there.map((i) => ({ ...ops[i]!, op: 'patch' as const })))
    again.forEach((r, n) => { results[there[n]!] = { ...r, changed: true } })
  }
  return results
}

function add(s: State, results: (Result & { changed: boolean })[], rows: number[]): State {
  const next = { ...s, done: s.done + results.length, wrong: [...s.wrong] }
  results.forEach((r, i) => {
    if (r.error) next.wrong.push({ row: rows[i] ?? 0, why: r.error.fields.map((f) => `${f.path.replace(/^fields\./, '')}: ${f.message}`).join('; ') || r.error.detail || r.error.title })
    else if (r.changed) next.changed++
    else next.made++
  })
  return next
}
