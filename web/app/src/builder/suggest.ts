import { call } from '../api/client'
import { appPath, queryClient } from '../api/queries'
import type { Page, User } from '../api/types'
import type { Asked } from '../form/asking'
import { t } from '../i18n'

const kept = <T>(app: string, path: string): Promise<T[]> =>
  queryClient.fetchQuery({ queryKey: [app, 'suggest', path], staleTime: 15_000, queryFn: async () => (await call<Page<T>>('GET', appPath(app, path))).body.items }).catch(() => [])

/** Adds whom a push may go to, or the event names that are in use, to what may stand in a setting that names one. */
export async function suggest(app: string, path: string, text: string, pos: number, found: Asked): Promise<Asked> {
  const setting = /^(?:steps|.*\.(?:then|else|do|catch))\[\d+\]\.(to|event)$/.exec(path)?.[1] ?? /^catch\[\d+\]\.(to|event)$/.exec(path)?.[1]
  if (!setting || text.includes('{{') || text.startsWith('/')) return found
  const like = text.slice(0, pos).toLowerCase()
  const whole = (label: string, type: string, example: string | null = null, insert = label) => ({ label, type, example, insert })
  const items = setting === 'to'
    ? [
        whole('*', t('words.everybody')),
        ...found.items.filter((i) => i.type === 'a link to User' && i.label.startsWith('object.')).map((i) => ({ ...i, label: i.insert })),
        ...(await kept<User>(app, '/users?limit=50')).map((u) => whole(u.id, t('words.user'), u.name)),
      ]
    : (await kept<{ event: string }>(app, '/events')).map((e) => whole(e.event, t('words.event')))
  const fitting = items.filter((i) => i.label.toLowerCase().includes(like) && i.label !== text)
  const whenTyped = like === '' ? found.items : []
  return { from: 0, to: [...text].length, items: [...fitting, ...whenTyped.filter((i) => !fitting.some((f) => f.insert === i.insert))] }
}
