import { useCallback, useEffect, useReducer, useRef, useState } from 'react'

import { ApiError, call } from '../api/client'
import { appPath, queryClient } from '../api/queries'
import type { ScenarioDoc } from '../api/types'
import { history } from '../model/document'

export type Problem = { path: string; code: string; message: string }

export type Saving = { state: 'saved' | 'saving' } | { state: 'failed'; why: string } | { state: 'conflict' }

const afterTyping = 800 // milliseconds

/** A scenario's draft that is being edited: its document with undo, kept on the server by itself, and what is wrong with it. */
export function useDraftEditor(app: string, id: string, loaded: { doc: ScenarioDoc; etag: string | null; problems: Problem[] }) {
  const [h, dispatch] = useReducer(history, { past: [], doc: loaded.doc, future: [] })
  const [problems, setProblems] = useState(loaded.problems)
  const [saving, setSaving] = useState<Saving>({ state: 'saved' })
  const etag = useRef(loaded.etag)
  const kept = useRef(loaded.doc) // what the server has
  const path = appPath(app, `/scenarios/${encodeURIComponent(id)}/draft`)

  // One save after the other: each needs the revision that the one before it made.
  const last = useRef<Promise<unknown>>(Promise.resolve())
  const sent = useRef<ScenarioDoc>(undefined)

  const write = useCallback(async (doc: ScenarioDoc, force: boolean): Promise<boolean> => {
    if (doc === kept.current && !force) return true
    setSaving({ state: 'saving' })
    const before = sent.current
    sent.current = doc
    try {
      const answer = await call<{ problems?: Problem[] }>('PUT', path, doc, !force && etag.current ? { 'If-Match': etag.current } : {})
      etag.current = answer.headers.get('ETag')
      kept.current = doc
      // The same list stays the same, so that nothing is drawn anew for it.
      setProblems((old) => (JSON.stringify(old) === JSON.stringify(answer.body.problems ?? []) ? old : (answer.body.problems ?? [])))
      setSaving({ state: 'saved' })
      void queryClient.invalidateQueries({ queryKey: [app, 'scenarios'] })
      return true
    } catch (error) {
      const problem = error instanceof ApiError ? error.problem : undefined
      if (problem?.status !== 412) {
        setSaving({ state: 'failed', why: error instanceof Error ? error.message : String(error) })
        return false
      }
      // It may be our own: an answer got lost on its way.
      const theirs = await call<ScenarioDoc>('GET', path).catch(() => undefined)
      if (theirs && before && JSON.stringify(theirs.body) === JSON.stringify(before)) {
        etag.current = theirs.headers.get('ETag')
        return write(doc, false)
      }
      setSaving({ state: 'conflict' })
      return false
    }
  }, [app, path])

  const save = useCallback((doc: ScenarioDoc, force = false): Promise<boolean> => {
    const next = last.current.then(() => write(doc, force))
    last.current = next
    return next
  }, [write])

  // Kept a moment after the last edit; a server that is away is tried again.
  const conflict = saving.state === 'conflict'
  const failed = saving.state === 'failed'
  useEffect(() => {
    if (h.doc === kept.current || conflict) return
    const timer = setTimeout(() => void save(h.doc), failed ? 3000 : afterTyping)
    return () => clearTimeout(timer)
  }, [h.doc, save, conflict, failed])

  useEffect(() => {
    const warn = (e: BeforeUnloadEvent) => {
      if (h.doc !== kept.current) e.preventDefault()
    }
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [h.doc])

  const edit = useCallback((doc: ScenarioDoc, key?: string) => dispatch({ doc, now: Date.now(), ...(key === undefined ? {} : { key }) }), [])

  const takeTheirs = async () => {
    const theirs = await call<ScenarioDoc>('GET', path)
    etag.current = theirs.headers.get('ETag')
    kept.current = theirs.body
    dispatch({ reset: theirs.body })
    setSaving({ state: 'saved' })
  }

  return {
    doc: h.doc, problems, saving, edit,
    canUndo: h.past.length > 0, canRedo: h.future.length > 0,
    undo: () => dispatch('undo'), redo: () => dispatch('redo'),
    /** Keeps what is not kept yet; false when that failed. */
    flush: () => save(h.doc),
    keepMine: () => save(h.doc, true),
    takeTheirs,
    /** The revision of the draft that this page has. */
    revision: () => Number(etag.current?.replace(/\D/g, '') ?? 0),
    /** After a publication the draft has another revision. */
    renew: async () => {
      etag.current = (await call<ScenarioDoc>('GET', path)).headers.get('ETag')
    },
  }
}

export type Editor = ReturnType<typeof useDraftEditor>
