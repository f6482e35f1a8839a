export interface Pulse {
  /** Asks for the job. Each further call postpones it, but never past ten times the delay. */
  touch(delay?: number): void
  /** Forgets what was asked for and has not begun. */
  stop(): void
}

/** Does a job once for a burst of calls, and exactly once more for those that came while it was under way. */
export function makePulse(job: () => Promise<unknown>): Pulse {
  let timer: ReturnType<typeof setTimeout> | undefined
  let firstAt = 0
  let running = false
  let again = false

  const touch = (delay = 60): void => {
    again = running
    if (running) return
    stop()
    const now = Date.now()
    firstAt ||= now
    timer = setTimeout(run, Math.min(delay, firstAt + 10 * delay - now))
  }
  const stop = (): void => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', run)
  }
  const run = async (): Promise<void> => {
    stop()
    // Nobody looks: it is early enough when somebody does.
    if (document.hidden) return document.addEventListener('visibilitychange', run)
    firstAt = 0
    running = true
    await job().catch(reportError)
    running = false
    if (again) touch()
  }
  return { touch, stop }
}
