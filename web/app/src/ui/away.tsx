import { Alert } from '@mantine/core'
import { useEffect, useState } from 'react'

import { useAway } from '../api/reach'
import { t } from '../i18n'

/** Says that the server does not answer, and when it is asked again. What is on the page stays. */
export function Away() {
  const away = useAway()
  const [now, tick] = useState(Date.now)
  useEffect(() => {
    if (!away) return
    const timer = setInterval(() => tick(Date.now()), 500)
    return () => clearInterval(timer)
  }, [away])
  if (!away) return null
  return <Alert color="red" mb="md" role="alert">{t('away', { n: Math.max(0, Math.ceil((away.next - now) / 1000)) })}</Alert>
}
