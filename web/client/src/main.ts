import { makeConnection } from './connection'
import { Cuelight } from './cuelight'

declare global {
  interface Window {
    cuelight?: Cuelight
  }
}

const script =
  (document.currentScript as HTMLScriptElement | null) ??
  document.querySelector<HTMLScriptElement>('script[data-app][src*="cuelight"]')

if (window.cuelight) console.warn('cuelight.js is on this page twice; the second one does nothing')
else if (!script?.dataset['app']) console.error('cuelight.js needs data-app="<your app id>" on its script element')
else listen(script, script.dataset['app'])

function listen(script: HTMLScriptElement, app: string): void {
  const { url, session, sessionUrl, alerts, redirects, nonce, debug } = script.dataset
  if (debug !== undefined) log()
  const { channel, start } = makeConnection({
    app,
    url: url || new URL(script.src).origin,
    session: sessionUrl ? () => askSession(sessionUrl) : session,
  })
  const { socket } = channel
  const options = { socket, alerts, redirects: redirects !== undefined, nonce, at: marked('data-cue-at') }
  window.cuelight = new Cuelight(options, channel)

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start)
  else start()
}

async function askSession(url: string): Promise<string | undefined> {
  const response = await fetch(url, { headers: { Accept: 'application/json' }, cache: 'no-store' })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  const answer = (await response.json()) as { session_id?: string }
  return answer.session_id
}

function marked(name: string): string | undefined {
  const value = document.documentElement.getAttribute(name) ?? document.body?.getAttribute(name)
  return value || undefined
}

function log(): void {
  for (const name of ['event', 'before-refresh', 'refreshed', 'error', 'status']) {
    addEventListener(`cuelight:${name}`, (event) => console.info(event.type, (event as CustomEvent).detail, event.target))
  }
}
