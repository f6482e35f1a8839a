import { useEffect, useState } from 'react'

import { moment } from '../i18n'

/** A moment as one says it, kept true; the exact time on hover. */
export function Time({ at }: { at: string }) {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 10_000)
    return () => clearInterval(timer)
  }, [])
  const { said, exact } = moment(at)
  return <time dateTime={at} title={exact}>{said}</time>
}
