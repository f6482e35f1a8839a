// The form that changes an order. The list is not touched here: it renews itself when the scenario pushes.
export function startForm(form) {
  const { id, status, total } = form.elements
  const answer = document.getElementById('change-answer')
  const row = () => document.getElementById(`order-${id.value}`)

  let edited = false
  const fill = () => {
    if (!row()) return
    status.value = row().dataset.status
    total.value = row().dataset.total
    edited = false
  }
  const choose = () => {
    fill()
    answer.textContent = ''
  }
  for (const field of [status, total]) field.addEventListener('input', () => (edited = true))
  document.addEventListener('cuelight:refreshed', () => edited || fill())
  id.addEventListener('change', choose)
  fill()

  document.addEventListener('click', (event) => {
    const picked = event.target.closest?.('.pick')
    if (!picked) return
    id.value = picked.closest('tr').dataset.id
    choose()
    status.focus()
  })

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    answer.textContent = 'Saving…'
    const number = id.selectedOptions[0].text
    const problem = await save(id.value, { status: status.value, total: total.value })
    if (!problem) edited = false
    answer.classList.toggle('bad', Boolean(problem))
    answer.textContent = problem || `Order ${number} is saved.`
  })
}

/** Saves the order. Returns what went wrong, in words, or nothing. */
async function save(id, fields) {
  try {
    const response = await fetch(`/demo/orders/${encodeURIComponent(id)}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(fields),
    })
    if (response.ok) return ''
    const problem = await response.json().catch(() => ({}))
    return problem.detail || problem.title || `The server answered ${response.status}.`
  } catch {
    return 'The server can not be reached.'
  }
}
