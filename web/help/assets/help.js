// What the help does beyond plain HTML: / goes to the search box, and blocks of code can be copied.
const box = document.getElementById('q')

addEventListener('keydown', (event) => {
  const writing = event.target.closest?.('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || writing || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  box.focus()
  box.select()
})

if (navigator.clipboard) {
  for (const code of document.querySelectorAll('pre > code')) {
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'copy', textContent: 'Copy' })
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(code.textContent)
      button.textContent = 'Copied'
      setTimeout(() => (button.textContent = 'Copy'), 2000)
    })
    const block = Object.assign(document.createElement('div'), { className: 'block' })
    code.parentElement.replaceWith(block)
    block.append(code.parentElement, button)
  }
}
