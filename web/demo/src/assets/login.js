// Logs in and connects the sockets again as that user, so that messages to him alone arrive.
const remembered = 'cuelight-demo-session'

export function startLogin(form, app, sockets) {
  const answer = document.getElementById('login-answer')
  const api = (path) => `/good/api/${path}`

  const become = (session) => {
    if (session) sessionStorage.setItem(remembered, JSON.stringify(session))
    else sessionStorage.removeItem(remembered)
    show(session?.username)
    for (const socket of sockets) {
      socket.auth = session ? { app_id: app, session_id: session.token } : { app_id: app }
      socket.disconnect().connect()
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    answer.textContent = ''
    const session = await login(api(`v5/auth?appID=${encodeURIComponent(app)}`), new FormData(form))
    if (session) become(session)
    else answer.textContent = 'User or password is wrong.'
    answer.classList.toggle('bad', !session)
  })

  document.getElementById('logout').addEventListener('click', () => {
    const { token } = JSON.parse(sessionStorage.getItem(remembered) ?? '{}')
    if (token) {
      const query = new URLSearchParams({ appID: app, sessionID: token })
      void fetch(api(`v4/auth/logout?${query}`)).catch(() => {}) // leaving works offline too
    }
    become(null)
  })

  // The server was started anew, or somebody else ended the session: go on as a guest.
  document.addEventListener('cuelight:status', ({ detail }) => {
    if (detail.code === 'session_expired') become(null)
  })

  const session = JSON.parse(sessionStorage.getItem(remembered) ?? 'null')
  if (session) become(session)
}

async function login(url, fields) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ provider: 'rest', username: fields.get('username'), password: fields.get('password') }),
    })
    return response.ok ? (await response.json()).result : null
  } catch {
    return null
  }
}

function show(user) {
  document.getElementById('user').textContent = user ?? 'a guest'
  document.getElementById('login-user').textContent = user ?? ''
  document.getElementById('login-fields').hidden = Boolean(user)
  document.getElementById('logout-fields').hidden = !user
}
