import { createContext } from 'react'

import type { Value } from '../api/types'

/** What language stands in a field. */
export type Form = 'template' | 'expression' | 'filter'

/** What may stand at a caret, as the server says; positions count characters. */
export type Asked = { from: number; to: number; items: { label: string; type: string; example: Value; insert: string; detail?: string }[] }

/** The field that was focused last, and how a name is put into it. */
export type Focused = { path: string; label: string; form: Form; insert: (name: string) => void }

/** What fields with names in them have in common: the card that they are of, whom to ask, and which one has the focus. */
export type Asking = {
  address: string
  ask: (path: string, text: string, pos: number) => Promise<Asked>
  focused: (field: Focused) => void
}

export const AskingContext = createContext<Asking>({ address: '', ask: async () => ({ from: 0, to: 0, items: [] }), focused: () => undefined })
