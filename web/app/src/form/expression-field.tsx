import { Input, Textarea } from '@mantine/core'
import { type ReactNode, useContext, useId, useRef, useSyncExternalStore } from 'react'

import { AskingContext, type Form } from './asking'
import type { CodeField } from './code-field'

let Code: typeof CodeField | undefined
let begun = false
const waiting = new Set<() => void>()

/** Loads the editor; until it is there, and where it can not be loaded, a plain text field does its work. */
function useCode(): typeof CodeField | undefined {
  return useSyncExternalStore((changed) => {
    waiting.add(changed)
    if (!begun) {
      begun = true
      import('./code-field').then((m) => {
        Code = m.CodeField
        for (const say of waiting) say()
      }, () => { begun = false })
    }
    return () => waiting.delete(changed)
  }, () => Code)
}

const always = () => false

/** A field whose text has names in it, with what it comes to beneath. Either its label is shown, or it has a name of its own. */
export function ExpressionField({ name, label, hidden, description, required = false, error, hint, value, form, dataKey, means = always, onChange }: {
  /** The setting within its card, as message or set.status. */
  name: string
  label: string
  /** The label is only for screen readers. */
  hidden?: boolean
  description?: ReactNode
  required?: boolean
  error?: string | undefined
  hint?: ReactNode
  value: string
  form: Form
  dataKey?: string | number
  means?: (text: string) => boolean
  onChange: (value: string) => void
}) {
  const id = useId()
  const asking = useContext(AskingContext)
  const Made = useCode()
  const plain = useRef<HTMLTextAreaElement>(null)
  const path = `${asking.address}.${name}`
  const key = dataKey === undefined ? {} : { dataKey }
  const caret = plain.current !== null && document.activeElement === plain.current ? plain.current.selectionStart : undefined
  const field = Made
    ? (
      <Made
        {...(hidden ? { label } : { labelledBy: `${id}-label` })} {...key} describedBy={[description ? `${id}-description` : '', error ? `${id}-error` : ''].join(' ').trim()}
        required={required} invalid={error !== undefined} form={form} suggests={name === 'to' || name === 'event'} value={value} onChange={onChange} means={means} error={error} caret={caret}
        ask={(text, pos) => asking.ask(path, text, pos)} focused={(insert) => asking.focused({ path, label, form, insert })}
      />
    )
    : <Textarea ref={plain} aria-label={label} data-key={dataKey} className="mono" autosize minRows={1} maxRows={12} spellCheck={false} error={error !== undefined} value={value} onChange={(e) => onChange(e.currentTarget.value)} />
  return (
    <Input.Wrapper id={id} labelElement="div" {...(hidden ? {} : { label, description })} withAsterisk={required} error={error} inputContainer={(input) => <>{input}{hint}</>} style={hidden ? { flex: 1, minWidth: 0 } : {}}>
      {field}
    </Input.Wrapper>
  )
}
