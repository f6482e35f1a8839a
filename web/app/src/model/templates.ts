import type { Field, ScenarioDoc, Structure } from '../api/types'

/** The ready-made scenarios, in the order of the gallery. */
export const templates = ['refresh', 'notify', 'big', 'relay', 'status', 'digest', 'http', 'count'] as const
export type TemplateID = (typeof templates)[number]

/** Those that empty screens offer. */
export const firstTemplates: TemplateID[] = ['refresh', 'notify', 'status']

type Parts = Pick<ScenarioDoc, 'triggers' | 'steps'>

/** What a template looks for in a structure. */
type Found = { title: string; user: string; amount: string; choice: Field; text: string }

const look = (s: Structure): Partial<Found> => {
  const users = s.fields.filter((f) => f.type === 'link' && f.structure === 'User')
  const texts = s.fields.filter((f) => f.type === 'string' && !f.options)
  const shown = /\{\{\s*(?:object\.)?(\w+)\s*\}\}/.exec(s.title ?? '')?.[1]
  const found: Partial<Found> = { title: `{{ object.${s.fields.find((f) => f.id === shown)?.id ?? texts[0]?.id ?? 'id'} }}` }
  const user = users.find((f) => /^(to|owner|receiver|user|customer)$/i.test(f.id)) ?? users.at(-1)
  if (user) found.user = user.id
  const amount = s.fields.find((f) => f.type === 'decimal') ?? s.fields.find((f) => f.type === 'number')
  if (amount) found.amount = amount.id
  const choice = s.fields.find((f) => f.options && f.options.length > 0)
  if (choice) found.choice = choice
  const text = texts.find((f) => /text|message|body|note/i.test(f.id)) ?? texts.at(-1)
  if (text) found.text = text.id
  return found
}

const needs: { [id in TemplateID]: (keyof Found)[] } = {
  refresh: [], notify: ['user'], big: ['amount'], relay: ['user', 'text'], status: ['user', 'choice'], digest: [], http: [], count: [],
}

/** Whether a structure has the fields that a template speaks of. */
export function fits(id: TemplateID, s: Structure): boolean {
  const found = look(s)
  return needs[id].every((part) => found[part] !== undefined)
}

/** The structures that a template can be made for, the one that it suits best first: of a relay what holds messages, else what has most to say. */
export function suited(id: TemplateID, structures: Structure[]): Structure[] {
  const says = (s: Structure) => (id === 'relay' && /message|chat/i.test(s.id) ? 100 : Object.keys(look(s)).length)
  return structures.filter((s) => s.id !== 'User' && fits(id, s)).sort((a, b) => says(b) - says(a))
}

/** The event name that is proposed. */
export const eventOf = (id: TemplateID, s: Structure): string => {
  const lower = s.id.toLowerCase()
  return { refresh: `refresh-${lower}s`, notify: 'message', big: 'alert', relay: 'message', status: 'message', digest: `${lower}s-digest`, http: `${lower}-sent`, count: `${lower}s-count` }[id]
}

/** The triggers and steps of a template for a structure. Every one of them runs as it is. */
export function fill(id: TemplateID, s: Structure, event: string): Parts {
  const f = look(s) as Found
  const noun = s.id
  const changes = (more: object) => [{ id: 'change', kind: 'object', on: ['created', 'changed'], ...more }]
  const push = (to: string, message: string) => ({ id: 'tell', kind: 'push', to, event, ...(message ? { message } : {}) })
  const owned = (message: string) => [{ id: 'owned', kind: 'condition', if: `object.${f.user} != null`, then: [push(`{{ object.${f.user} }}`, message)] }]
  const open = f.choice ? { filter: `${f.choice.id} = "${f.choice.options?.[0]}"` } : {}
  const counted = (step: string) => [{ id: step, kind: 'search_objects', structure: s.id, ...open, result: 'count' }, push('*', `${noun}${f.choice ? ` (${f.choice.options?.[0]})` : ''}: {{ steps.${step} }}`)]
  switch (id) {
    case 'refresh': return { triggers: changes({ on: ['created', 'changed', 'deleted'] }), steps: [push('*', '')] }
    case 'notify': return { triggers: changes({}), steps: owned(`${noun} ${f.title}`) }
    case 'big': return { triggers: changes({ fields: [f.amount], if: `object.${f.amount} > 1000` }), steps: [push('*', `${noun} ${f.title}: {{ object.${f.amount} }}`)] }
    case 'relay': return { triggers: changes({ on: ['created'] }), steps: owned(`{{ object.${f.text} }}`) }
    case 'status': return { triggers: changes({ on: ['changed'], fields: [f.choice.id] }), steps: owned(`${noun} ${f.title}: {{ object.${f.choice.id} }}`) }
    case 'digest': return { triggers: [{ id: 'night', kind: 'schedule', daily: '02:00' }], steps: counted('found') }
    case 'http': return {
      triggers: changes({ on: ['changed'] }),
      steps: [{
        id: 'guarded', kind: 'try',
        do: [{ id: 'ask', kind: 'http_request', method: 'POST', url: 'https://example.com/', body: { id: '{{ object.id }}' } }, push('*', `${noun} ${f.title}: {{ steps.ask.status }}`)],
        catch: [{ ...push('*', `${noun} ${f.title}: {{ error.message }}`), id: 'failed' }],
      }],
    }
    case 'count': return { triggers: changes({ on: ['created', 'changed', 'deleted'] }), steps: counted('open') }
  }
}
