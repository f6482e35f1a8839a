import { en } from './en'

export type Key = keyof typeof en
export type Forms = { one: string; few?: string; other: string }
export type Words = { [key in Key]: string | Forms }
export type Language = 'en' | 'ru'

const stored = (): string | null => {
  try {
    return localStorage.getItem('cuelight.language')
  } catch {
    return null // storage is off
  }
}

/** The language of this page: chosen before, else the browser's where there is one. */
export const language: Language = [stored(), navigator.language.slice(0, 2)].find((l): l is Language => l === 'en' || l === 'ru') ?? 'en'

let words: Words = en

/** Fetches the words of the page's language; nothing is drawn before. */
export async function learn(): Promise<void> {
  if (language === 'ru') words = (await import('./ru')).ru
}

/** Chooses a language; the page has to be loaded anew for it. */
export function choose(next: Language): void {
  localStorage.setItem('cuelight.language', next)
}

const plural = new Intl.PluralRules(language)

/** A text in the page's language, with its values put in; n chooses between the forms of a number. */
export function t(key: Key, values: { [name: string]: string | number } = {}): string {
  let text = words[key]
  if (typeof text !== 'string') {
    const form = plural.select(Number(values['n'] ?? 0))
    text = form === 'one' ? text.one : form === 'few' && text.few !== undefined ? text.few : text.other
  }
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'narrow' })
const exact = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' })

/** A moment as one says it, and exactly. */
export function moment(iso: string): { said: string; exact: string } {
  const at = new Date(iso)
  const seconds = Math.round((at.getTime() - Date.now()) / 1000)
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [[60, 'second'], [3600, 'minute'], [86_400, 'hour'], [Number.POSITIVE_INFINITY, 'day']]
  const sizes = [1, 60, 3600, 86_400]
  const at_ = steps.findIndex(([below]) => Math.abs(seconds) < below)
  return { said: relative.format(Math.trunc(seconds / (sizes[at_] ?? 1)), steps[at_]?.[1] ?? 'day'), exact: exact.format(at) }
}

/** A length of time in milliseconds as one says it. */
export function lasted(ms: number): string {
  return ms < 1000 ? `${ms} ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}
