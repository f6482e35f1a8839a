import { addressOf, debounceOf, duration, emit, setting } from './dom'
import { type Content, load, RefreshError } from './load'
import { place } from './place'

/** The event that asks for a refresh; its name is empty after a connect and when the page itself asks. */
export interface Cause {
  readonly event: string
  readonly message: unknown
}

type Waiting = [Element, Cause]

// One address and the regions that wait for its content.
interface Job {
  readonly url: string
  readonly waiting: Map<Element, Cause>
  done: Array<() => void>
  timer: number
  firstAt: number
  jitter: number
  notBefore: number
  failures: number
  running: boolean
  forced: boolean
}

const jobs = new Map<string, Job>()

// Regions that an event reached while nobody looked, with that event.
const stale = new Map<Element, Cause>()

/** Renews the region after the delay, together with all that wait for the same address. */
export function schedule(region: Element, cause: Cause, delay: number, forced = false): Promise<void> {
  const job = jobFor(addressOf(region))
  job.waiting.set(region, cause)
  job.forced ||= forced
  // Drawn once for all that is waited for together, so that many pages do not ask at the same moment.
  if (!forced) job.jitter ||= Math.random() * duration(region, 'jitter', 0)
  const done = new Promise<void>((resolve) => job.done.push(resolve))
  if (!job.running) arm(job, delay)
  return done
}

/** Renews what became stale in a hidden tab, once it is looked at. */
export function wake(): void {
  if (document.hidden) return
  const waiting = [...stale]
  stale.clear()
  for (const [region, cause] of waiting) schedule(region, cause, 0)
}

/** Asks again at once for what failed for a moment: the server is there again. */
export function hurry(): void {
  for (const job of jobs.values()) {
    if (!job.failures || job.running) continue
    job.notBefore = 0
    if (job.waiting.size > 0) arm(job, 0)
  }
}

function jobFor(url: string): Job {
  let job = jobs.get(url)
  if (!job) {
    job = {
      url, waiting: new Map(), done: [], timer: 0, firstAt: 0, jitter: 0, notBefore: 0, failures: 0, running: false, forced: false,
    }
    jobs.set(url, job)
  }
  return job
}

// Each further event postpones the request, but never past ten times the delay: a steady stream still renews.
function arm(job: Job, delay: number): void {
  const now = performance.now()
  job.firstAt ||= now
  const due = Math.min(now + delay, job.firstAt + 10 * delay) + (job.forced ? 0 : job.jitter)
  clearTimeout(job.timer)
  job.timer = window.setTimeout(() => void run(job), Math.max(due, job.notBefore) - now)
}

async function run(job: Job): Promise<void> {
  const { waiting, done, forced } = take(job)
  if (document.hidden && !forced) {
    for (const [region, cause] of waiting) stale.set(region, cause)
    return settle(job, done)
  }
  const ready = waiting.filter(([region, cause]) => wants(region, cause, job.url))
  if (ready.length > 0) {
    job.running = true
    for (const [region] of ready) region.setAttribute('aria-busy', 'true')
    await fetchInto(job, ready)
    for (const [region] of ready) region.removeAttribute('aria-busy')
    job.running = false
  }
  settle(job, done)
}

function take(job: Job): { waiting: Waiting[]; done: Array<() => void>; forced: boolean } {
  const taken = { waiting: [...job.waiting], done: job.done, forced: job.forced }
  job.waiting.clear()
  job.done = []
  job.firstAt = job.jitter = 0
  job.forced = false
  return taken
}

// What came in during the request is exactly one more request.
function settle(job: Job, done: Array<() => void>): void {
  for (const resolve of done) resolve()
  if (job.waiting.size > 0) return arm(job, Math.min(...[...job.waiting.keys()].map(debounceOf)))
  if (job.failures === 0) jobs.delete(job.url)
}

function wants(region: Element, cause: Cause, url: string): boolean {
  if (!region.isConnected) return false
  if (addressOf(region) === url) return emit(region, 'before-refresh', { url, ...cause }, true)
  void schedule(region, cause, 0) // the page or the attribute changed meanwhile
  return false
}

async function fetchInto(job: Job, ready: Waiting[]): Promise<void> {
  const start = performance.now()
  try {
    const content = job.url ? await load(job.url) : null
    job.failures = job.notBefore = 0
    const fill = () => {
      for (const [region, cause] of ready) renewOne(job, region, cause, content, start)
    }
    if (ready.some(([region]) => setting(region, 'transition') !== null)) await inTransition(fill)
    else fill()
  } catch (error) {
    for (const [region, cause] of ready) report(region, job.url, cause, error)
    if (error instanceof RefreshError && error.passing) tryLater(job, ready)
    else job.failures = 0
  }
}

async function inTransition(fill: () => void): Promise<void> {
  if (!document.startViewTransition || matchMedia('(prefers-reduced-motion: reduce)').matches) return fill()
  const transition = document.startViewTransition(fill)
  // The next one, or a hidden tab, skips the movement; what it shows is there all the same.
  transition.ready.catch(() => undefined)
  await transition.updateCallbackDone
}

function renewOne(job: Job, region: Element, cause: Cause, content: Content | null, start: number): void {
  if (!region.isConnected) return
  if (addressOf(region) !== job.url) return void schedule(region, cause, 0)
  try {
    if (content) place(region, content, cause.event)
    emit(region, 'refreshed', { url: job.url, ...cause, ms: Math.round(performance.now() - start) })
  } catch (error) {
    report(region, job.url, cause, error)
  }
}

function tryLater(job: Job, ready: Waiting[]): void {
  const wait = Math.min(2 ** ++job.failures, 60) * 1000 * (0.75 + Math.random() / 2)
  job.notBefore = performance.now() + wait
  for (const [region, cause] of ready) if (!job.waiting.has(region)) job.waiting.set(region, cause)
}

function report(region: Element, url: string, cause: Cause, error: unknown): void {
  const { reason, status } = error instanceof RefreshError ? error : { reason: 'failed', status: 0 }
  const message = error instanceof Error ? error.message : String(error)
  emit(region, 'error', { url, event: cause.event, reason, status, message })
}
