import { debounceOf, duration, listens, regionAround, regions, setting } from './dom'
import { type Cause, schedule, wake } from './job'
import { meets } from './message'
import { show, shows } from './show'

const unknown: Cause = { event: '', message: undefined }

// When each region is due for its next poll while there is no connection.
const due = new Map<Element, number>()
let polling = 0

/** Renews every region that listens for the event. */
export function renew(event: string, message: unknown): void {
  for (const region of regions()) {
    const condition = setting(region, 'if')
    if (!listens(region, event) || (condition && !meets(message, condition))) continue
    if (shows(region)) show(region, message)
    else schedule(region, { event, message }, debounceOf(region))
  }
}

/** Renews every region: what happened while there was no connection is unknown. */
export function renewAll(): void {
  for (const region of regions()) if (fetches(region)) schedule(region, unknown, 0)
}

/** Renews the element's regions at once, even in a hidden tab; without an element all. */
export async function refresh(element?: Element): Promise<void> {
  const around = element && regionAround(element)
  const chosen = around ? [around] : regions(element)
  await Promise.all(chosen.filter(fetches).map((region) => schedule(region, unknown, 0, true)))
}

/** Renews what became stale, as soon as the tab is looked at. */
export function watchVisibility(): void {
  document.addEventListener('visibilitychange', wake)
}

/** Renews every region now and then by itself for as long as there is no connection. */
export function pollWhile(disconnected: boolean): void {
  clearInterval(polling)
  polling = 0
  due.clear()
  if (disconnected) polling = window.setInterval(poll, 250)
}

function poll(): void {
  const now = performance.now()
  for (const region of regions()) {
    const every = duration(region, 'every', 60_000)
    if (!every || !fetches(region)) continue
    const at = due.get(region)
    if (at === undefined || now >= at) due.set(region, now + every)
    if (at !== undefined && now >= at) schedule(region, unknown, 0)
  }
}

// One that only shows a value of the message has nothing to fetch.
function fetches(region: Element): boolean {
  return !shows(region) || setting(region, 'src') !== null
}

