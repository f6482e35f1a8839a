import { call } from '../api/client'
import { appPath } from '../api/queries'
import type { Page, Structure, Thing } from '../api/types'
import { csvLine } from './csv'
import { asText, pathOf } from './fields'

/** Most objects of one file: it is put together in the browser's memory. */
export const mostExported = 200_000

/** All objects that pass a filter, in its order, as CSV; said tells how many there are so far. It fails with ApiError. */
export async function exportCsv(app: string, structure: Structure, list: { filter?: string; sort?: string }, said: (n: number) => void): Promise<Blob> {
  const columns = ['id', ...structure.fields.map((f) => f.id)]
  const parts: string[] = ['\uFEFF', csvLine(columns)]
  let cursor: string | undefined = ''
  let n = 0
  while (cursor !== undefined && n < mostExported) {
    const query: URLSearchParams = new URLSearchParams({ limit: '1000', ...list, ...(cursor ? { cursor } : {}) })
    const page: Page<Thing> = (await call<Page<Thing>>('GET', appPath(app, `${pathOf(structure)}?${query}`))).body
    for (const o of page.items) parts.push(csvLine(columns.map((c) => asText(o[c]))))
    n += page.items.length
    said(n)
    cursor = page.next
  }
  return new Blob(parts, { type: 'text/csv;charset=utf-8' })
}

/** Gives a file to the person at the browser. */
export function download(blob: Blob, name: string): void {
  const at = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = at
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(at), 10_000)
}
