/** Whether the socket tells what happens. Then lists are asked for seldom, only to be sure. */
export const live = { on: false }

/** How long until a list is asked for again, in milliseconds. */
export const pace = (): number => (live.on ? 15_000 : 2000)
