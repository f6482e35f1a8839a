import type { Field, Structure, Thing, Value } from '../api/types'

/** What every object has besides its fields; the server writes it. */
export const builtIn = ['version', 'created_at', 'changed_at', 'created_by', 'changed_by'] as const

/** Whether a field can be filtered and sorted by fast; unset means the default of its type (contracts 2). */
export const isIndexed = (f: Field): boolean => f.unique === true || (f.indexed ?? ((f.options?.length ?? 0) > 0 || f.type === 'date' || f.type === 'link' || f.type === 'links'))

export const pathOf = (structure: Structure): string => (structure.id === 'User' ? '/users' : `/structures/${encodeURIComponent(structure.id)}/objects`)

/** What an object was, in the form in which it can be made anew: with its id, without what the server writes. */
export function anew(structure: Structure, object: Thing): { [field: string]: Value } {
  const fields: { [field: string]: Value } = { id: object.id }
  for (const f of structure.fields) {
    const value = object[f.id]
    // A null is sent where leaving it out would mean another value.
    if (value !== null && value !== undefined) fields[f.id] = value
    else if (f.default !== undefined) fields[f.id] = null
  }
  return fields
}

/** A value as one line of text. */
export const asText = (value: Value | undefined): string => (value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value))

/** What is kept of a choice on this machine. */
export function kept<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(key)
    return text === null ? otherwise : (JSON.parse(text) as T)
  } catch {
    return otherwise // storage is off, or holds something else
  }
}

export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // storage is off: it is forgotten with the page
  }
}
