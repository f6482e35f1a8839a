// Forms with data-quiet are sent without leaving the page. What they change is not shown here: it comes by push. Without scripts the browser
// sends them by itself.
export function startForms() {
  const busy = new Set()
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!('quiet' in form.dataset)) return
    event.preventDefault()
    if (busy.has(form)) return // whoever hits Enter twice means it once
    busy.add(form)
    void send(form).finally(() => busy.delete(form))
  })
}

async function send(form) {
  const answer = form.querySelector('.answer')
  const fields = new URLSearchParams(new FormData(form))
  const problem = await post(form.action, fields)
  answer.classList.toggle('bad', Boolean(problem))
  answer.textContent = problem || form.dataset.quiet
  if (problem) return
  for (const field of form.querySelectorAll('input:not([type=hidden]), textarea')) {
    if (field.value === fields.get(field.name)) field.value = '' // what was typed meanwhile stays
  }
}

/** Sends the fields. Returns what went wrong, in words, or nothing. */
export async function post(url, fields) {
  try {
    const response = await fetch(url, { method: 'POST', headers: { Accept: 'application/json' }, body: fields })
    if (response.ok) return ''
    const problem = await response.json().catch(() => ({}))
    return problem.detail || problem.title || `The server answered ${response.status}.`
  } catch {
    return 'The server can not be reached.'
  }
}
