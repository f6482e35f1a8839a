import { useSyncExternalStore } from 'react'

// Whether the server answered last time, and when it is asked again. Every request tells.
let away: { next: number } | undefined
const watchers = new Set<() => void>()
const again = 5000 // milliseconds

let timer = 0

function set(next: typeof away): void {
  away = next
  for (const w of watchers) w()
}

async function ask(): Promise<void> {
  try {
    await fetch('/api/v1/version')
    found()
  } catch {
    lost()
  }
}

/** A request found no server: it is asked again, and meanwhile the page says so. */
export function lost(): void {
  clearTimeout(timer)
  timer = window.setTimeout(() => void ask(), again)
  set({ next: Date.now() + again })
}

/** The server has answered. */
export function found(): void {
  if (!away) return
  clearTimeout(timer)
  set(undefined)
}

/** When the server is asked again, undefined while it answers. */
export const useAway = (): { next: number } | undefined =>
  useSyncExternalStore((watcher) => {
    watchers.add(watcher)
    return () => void watchers.delete(watcher)
  }, () => away)
