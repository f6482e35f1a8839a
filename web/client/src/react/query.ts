// What @cuelight/react/query offers to users of TanStack Query.
import { type EventNames, useCueEvent, useCuelight } from '@cuelight/react'
import { type QueryKey, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { useLatest } from './latest'
import { makePulse } from './pulse'

/**
 * Has the queries under the key loaded anew after such events, and after a cut that may have swallowed some: once for a
 * burst, and never twice at a time.
 */
export function useCueInvalidate(on: EventNames, queryKey: QueryKey): void {
  const channel = useCuelight()
  const client = useQueryClient()
  const latest = useLatest(() => client.invalidateQueries({ queryKey }))
  const [pulse] = useState(() => makePulse(() => latest.current()))
  useCueEvent(on, () => pulse.touch())
  useEffect(() => {
    const off = channel.onFresh(() => pulse.touch(0))
    return () => {
      off()
      pulse.stop()
    }
  }, [channel, pulse])
}
