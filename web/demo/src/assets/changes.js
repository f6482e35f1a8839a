// Lights up the rows that a refresh changed, says how long it took, and keeps the curl command ready.
import { now } from './now.js'

const order = ['new', 'paid', 'ready', 'shipped']

export function showChanges(section) {
  const pulse = document.getElementById('pulse')
  let before = new Map()

  section.addEventListener('cuelight:before-refresh', () => {
    before = new Map(rows(section).map((row) => [row.id, row.textContent]))
  })
  section.addEventListener('cuelight:refreshed', ({ detail }) => {
    for (const row of rows(section)) if (before.get(row.id) !== row.textContent) flash(row)
    const cause = detail.event ? `by ${detail.event}` : 'after connecting'
    pulse.textContent = `Refreshed 1 part in ${detail.ms} ms ${cause}, ${now()}.`
    suggestNext(section)
  })
  section.addEventListener('cuelight:error', ({ detail }) => {
    pulse.textContent = `Not refreshed: ${detail.message}`
  })
  suggestNext(section)
}

function rows(section) {
  return [...section.querySelectorAll('tr[id]')]
}

function flash(row) {
  row.classList.remove('flash')
  void row.offsetWidth // starts the animation anew when the row is still lit
  row.classList.add('flash')
  row.addEventListener('animationend', () => row.classList.remove('flash'), { once: true })
}

// A status that the order already has would change nothing and push nothing.
function suggestNext(section) {
  const first = section.querySelector('tr[data-status]')
  if (!first) return
  const next = order[(order.indexOf(first.dataset.status) + 1) % order.length]
  document.getElementById('curl-status').textContent = next
}
