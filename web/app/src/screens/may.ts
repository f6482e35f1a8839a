import type { MouseEvent } from 'react'

import { useSession } from '../api/queries'
import { t } from '../i18n'

export type Scope = 'objects:write' | 'push:all' | 'runs:write' | 'scenarios:write' | 'users:write' | 'admin'

/** What a button gets that must not be pressed: it stays reachable and says why. */
export type Guard = { 'aria-disabled'?: true; 'data-disabled'?: true; title?: string; onClick?: (e: MouseEvent) => void }

/** Whether the account may do what needs a scope, and what to spread over the button if not. */
export function useMay(scope: Scope): { may: boolean; why: string | undefined; guard: Guard } {
  const scopes = useSession().data?.scopes ?? []
  if (scopes.includes(scope) || scopes.includes('admin')) return { may: true, why: undefined, guard: {} }
  const why = t(scope === 'admin' ? 'may.admin' : 'may.builder')
  const refuse = (e: MouseEvent) => {
    e.preventDefault()
    e.stopPropagation()
  }
  return { may: false, why, guard: { 'aria-disabled': true, 'data-disabled': true, title: why, onClick: refuse } }
}
