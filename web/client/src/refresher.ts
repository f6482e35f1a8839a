import { addressOf, debounceOf, emit, fetches, listens, regions } from './dom'
import { apply, load, RefreshError } from './load'
import { showText } from './text'

// One address and the regions that wait for its content.
interface Job {
  readonly url: string
  readonly waiting: Map<Element, string>
  done: Array<() => void>
  timer: number
  firstAt: number
  notBefore: number
  failures: number
  running: boolean
  forced: boolean
}

const jobs = new Map<string, Job>()

// Regions that an event reached while nobody looked, with that event.
const stale = new Map<Element, string>()

/** Renews every region that listens for the event. */
export function renew(event: string, message: unknown): void {
  for (const region of regions()) {
    if (!listens(region, event)) continue
    if (region.hasAttribute('data-cue-text')) showText(region, message)
    else schedule(region, event, debounceOf(region))
  }
}

/** Renews every region: what happened while there was no connection is unknown. */
export function renewAll(): void {
  for (const region of regions()) if (fetches(region)) schedule(region, '', 0)
}

/** Renews the element's regions at once, even in a hidden tab; without an element all. */
export function refresh(element?: Element): Promise<void> {
  let chosen = element ? regions(element) : regions()
  const around = element?.closest('[data-cue-on]')
  if (around) chosen = [around]
  return Promise.all(chosen.filter(fetches).map((region) => schedule(region, '', 0, true))).then(() => undefined)
}

/** Renews what became stale, as soon as the tab is looked at. */
export function watchVisibility(): void {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return
    const waiting = [...stale]
    stale.clear()
    for (const [region, event] of waiting) schedule(region, event, 0)
  })
}

function schedule(region: Element, event: string, delay: number, forced = false): Promise<void> {
  const job = jobFor(addressOf(region))
  job.waiting.set(region, event)
  job.forced ||= forced
  const done = new Promise<void>((resolve) => job.done.push(resolve))
  if (!job.running) arm(job, delay)
  return done
}

function jobFor(url: string): Job {
  let job = jobs.get(url)
  if (!job) {
    job = {
      url, waiting: new Map(), done: [], timer: 0, firstAt: 0, notBefore: 0, failures: 0, running: false, forced: false,
    }
    jobs.set(url, job)
  }
  return job
}

// Each further event postpones the request, but never past ten times the delay: a steady stream still renews.
function arm(job: Job, delay: number): void {
  const now = performance.now()
  job.firstAt ||= now
  const due = Math.min(now + delay, job.firstAt + 10 * delay)
  clearTimeout(job.timer)
  job.timer = window.setTimeout(() => void run(job), Math.max(due, job.notBefore) - now)
}

async function run(job: Job): Promise<void> {
  const { waiting, done, forced } = take(job)
  if (document.hidden && !forced) {
    for (const [region, event] of waiting) stale.set(region, event)
    return settle(job, done)
  }
  const ready = waiting.filter(([region, event]) => wants(region, event, job.url))
  if (ready.length > 0) {
    job.running = true
    for (const [region] of ready) region.setAttribute('aria-busy', 'true')
    await fetchInto(job, ready)
    for (const [region] of ready) region.removeAttribute('aria-busy')
    job.running = false
  }
  settle(job, done)
}

function take(job: Job): { waiting: Array<[Element, string]>; done: Array<() => void>; forced: boolean } {
  const taken = { waiting: [...job.waiting], done: job.done, forced: job.forced }
  job.waiting.clear()
  job.done = []
  job.firstAt = 0
  job.forced = false
  return taken
}

// What came in during the request is exactly one more request.
function settle(job: Job, done: Array<() => void>): void {
  for (const resolve of done) resolve()
  if (job.waiting.size > 0) return arm(job, Math.min(...[...job.waiting.keys()].map(debounceOf)))
  if (job.failures === 0) jobs.delete(job.url)
}

function wants(region: Element, event: string, url: string): boolean {
  if (!region.isConnected) return false
  if (addressOf(region) === url) return emit(region, 'before-refresh', { url, event }, true)
  void schedule(region, event, 0) // the page or the attribute changed meanwhile
  return false
}

async function fetchInto(job: Job, ready: Array<[Element, string]>): Promise<void> {
  const start = performance.now()
  try {
    const content = await load(job.url)
    job.failures = job.notBefore = 0
    for (const [region, event] of ready) place(job, region, event, content, start)
  } catch (error) {
    for (const [region, event] of ready) report(region, job.url, event, error)
    if (error instanceof RefreshError && error.passing) tryLater(job, ready)
    else job.failures = 0
  }
}

function place(job: Job, region: Element, event: string, content: Document | DocumentFragment, start: number): void {
  if (!region.isConnected) return
  if (addressOf(region) !== job.url) return void schedule(region, event, 0)
  try {
    apply(region, content)
    emit(region, 'refreshed', { url: job.url, event, ms: Math.round(performance.now() - start) })
  } catch (error) {
    report(region, job.url, event, error)
  }
}

function tryLater(job: Job, ready: Array<[Element, string]>): void {
  const wait = Math.min(2 ** ++job.failures, 60) * 1000 * (0.75 + Math.random() / 2)
  job.notBefore = performance.now() + wait
  for (const [region, event] of ready) if (!job.waiting.has(region)) job.waiting.set(region, event)
}

function report(region: Element, url: string, event: string, error: unknown): void {
  const { reason, status } = error instanceof RefreshError ? error : { reason: 'failed', status: 0 }
  emit(region, 'error', { url, event, reason, status, message: error instanceof Error ? error.message : String(error) })
}
