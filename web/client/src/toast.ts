export interface Toast {
  title: string
  text: string
  icon: string
  variant: string
  position: string
  duration: number
}

// Without weight, so that whatever the page says about .cue-toast wins.
const css = `:where(.cue-toasts){position:fixed;z-index:2147483647;display:grid;gap:.5rem;max-width:min(24rem,100vw - 2rem)}
:where(.cue-toasts[data-position^=top]){top:1rem}:where(.cue-toasts[data-position^=bottom]){bottom:1rem}
:where(.cue-toasts[data-position$=right]){right:1rem}:where(.cue-toasts[data-position$=left]){left:1rem}
:where(.cue-toasts[data-position$=center]){left:50%;transform:translateX(-50%)}
:where(.cue-toast){display:flex;gap:.5rem;padding:.75rem 1rem;border-radius:.5rem;border-left:.3rem solid #8a93a6;
font:1rem/1.4 system-ui,sans-serif;color:#fff;background:#1c2230;box-shadow:0 .2rem .8rem #0006;overflow-wrap:anywhere}
:where(.cue-toast[data-variant=success]){border-color:#3fb950}:where(.cue-toast[data-variant=destructive]){border-color:#f85149}
:where(.cue-toast)>b,:where(.cue-toast)>span{align-self:center}
:where(.cue-toast button){margin-left:auto;border:0;background:none;color:inherit;font:inherit;cursor:pointer}`

// What each open toast says, and how it begins to wait anew.
const open = new Map<string, () => void>()

/** Puts the styles and an empty place for toasts into the page: a screen reader announces only what comes in later. */
export function prepareToasts(position: string, nonce: string | undefined): void {
  if (nonce) {
    const style = Object.assign(document.createElement('style'), { nonce, textContent: css })
    document.head.append(style)
  } else {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  }
  placeFor(position)
}

/** Shows the toast. One that says the same as an open one only keeps that open. */
export function toast({ title, text, icon, variant, position, duration }: Toast): void {
  const key = `${title}\n${text}`
  const again = open.get(key)
  if (again) return again()

  const box = make('div', 'cue-toast')
  box.dataset['variant'] = variant
  if (icon) box.append(make('i', '', icon))
  if (title) box.append(make('b', '', title))
  if (text) box.append(make('span', '', text))
  const button = Object.assign(make('button', '', '×'), { type: 'button', ariaLabel: 'Close' })
  box.append(button)

  let timer = 0
  const close = () => {
    stop()
    open.delete(key)
    box.remove()
  }
  const stop = () => clearTimeout(timer)
  const wait = () => {
    stop()
    timer = window.setTimeout(close, duration)
  }
  button.addEventListener('click', close)
  // Nobody loses what he is reading.
  for (const name of ['mouseenter', 'focusin']) box.addEventListener(name, stop)
  for (const name of ['mouseleave', 'focusout']) box.addEventListener(name, wait)
  open.set(key, wait)
  placeFor(position).append(box)
  wait()
}

function placeFor(position: string): HTMLElement {
  const at = /^(top|bottom)-(left|center|right)$/.test(position) ? position : 'top-right'
  const found = document.querySelector<HTMLElement>(`.cue-toasts[data-position=${at}]`)
  if (found) return found
  const place = make('div', 'cue-toasts')
  place.role = 'status'
  place.dataset['position'] = at
  // A refresh of the whole page leaves it alone.
  place.dataset['cueKeep'] = ''
  document.body.append(place)
  return place
}

function make(tag: string, className: string, textContent = ''): HTMLElement {
  return Object.assign(document.createElement(tag), { className, textContent })
}
