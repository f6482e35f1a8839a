/** Shows what a scenario sent for a few seconds. Text only: a message is never markup. */
export function toast(message, kind) {
  const text = typeof message === 'string' ? message : (message?.message ?? JSON.stringify(message))
  const box = Object.assign(document.createElement('p'), { className: `toast ${kind}` })
  box.append(Object.assign(document.createElement('b'), { textContent: kind }), ' ', text || '(no text)')
  const close = Object.assign(document.createElement('button'), { type: 'button', ariaLabel: 'Close', textContent: '×' })
  close.addEventListener('click', () => box.remove())
  box.append(close)
  document.getElementById('toasts').append(box)
  setTimeout(() => box.remove(), 8000)
}
