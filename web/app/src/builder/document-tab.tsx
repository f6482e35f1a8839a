import { Alert, Stack, Textarea } from '@mantine/core'
import { useState } from 'react'

import type { ScenarioDoc } from '../api/types'
import { t } from '../i18n'
import type { Editor } from './draft'

/** The document as text. It may be left while it is not readable: the canvas then shows the last readable one. */
export function DocumentTab({ editor }: { editor: Editor }) {
  const [text, setText] = useState(() => JSON.stringify(editor.doc, null, 2))
  const [wrong, setWrong] = useState<string>()
  const change = (next: string) => {
    setText(next)
    try {
      const doc: unknown = JSON.parse(next)
      if (doc === null || typeof doc !== 'object' || Array.isArray(doc)) throw new SyntaxError('{…}')
      editor.edit(doc as ScenarioDoc, 'document')
      setWrong(undefined)
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <Stack>
      {wrong ? <Alert color="yellow">{t('builder.jsonWrong', { why: wrong })}</Alert> : null}
      <Textarea className="mono" aria-label={t('builder.json')} autosize minRows={12} spellCheck={false} value={text} onChange={(e) => change(e.currentTarget.value)} />
    </Stack>
  )
}
