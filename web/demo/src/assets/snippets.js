// Tabs over the code examples and a copy button on each; without scripts they simply stand below each other.
export function startSnippets(section) {
  for (const figure of document.querySelectorAll('figure')) addCopy(figure)

  const bar = section.querySelector('[role=tablist]')
  const figures = [...section.querySelectorAll('figure[data-tab]')]
  const tabs = figures.map((figure, i) => makeTab(figure, i))
  const select = (chosen, focus) => {
    tabs.forEach((tab, i) => {
      tab.ariaSelected = String(i === chosen)
      tab.tabIndex = i === chosen ? 0 : -1
      figures[i].hidden = i !== chosen
    })
    if (focus) tabs[chosen].focus()
  }
  tabs.forEach((tab, i) => tab.addEventListener('click', () => select(i)))
  bar.addEventListener('keydown', ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key]
    if (step) select((tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length, true)
  })
  bar.append(...tabs)
  bar.hidden = false
  select(0)
}

function makeTab(figure, i) {
  const tab = Object.assign(document.createElement('button'), { type: 'button', textContent: figure.dataset.tab })
  tab.id = `tab-${i}`
  tab.role = 'tab'
  figure.id = `panel-${i}`
  figure.role = 'tabpanel'
  tab.setAttribute('aria-controls', figure.id)
  figure.setAttribute('aria-labelledby', tab.id)
  return tab
}

function addCopy(figure) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'copy', textContent: 'Copy' })
  button.addEventListener('click', async () => {
    const code = figure.querySelector('code')
    getSelection().selectAllChildren(code) // where the clipboard is closed, Ctrl+C is left to do
    try {
      await navigator.clipboard.writeText(code.textContent)
      button.textContent = 'Copied'
      getSelection().removeAllRanges()
    } catch {
      button.textContent = 'Selected'
    }
    setTimeout(() => (button.textContent = 'Copy'), 1500)
  })
  figure.append(button)
}
