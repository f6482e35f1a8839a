// Chats and messages renew themselves by the attributes in the page and cuelight.js. This adds what a messenger has around them: Enter sends,
// the newest message is in view, and whoever looks at a chat says so.
import { showStatus } from './live.js'
import { post, startForms } from './quiet.js'

const chats = document.getElementById('chats')
const talk = document.getElementById('talk')
const list = document.getElementById('messages')

showStatus()
startForms()
count()
chats.addEventListener('cuelight:refreshed', count)

// The session has ended, perhaps in another window: the server shows the login.
document.addEventListener('cuelight:status', ({ detail }) => {
  if (detail.status === 'refused') location.reload()
})

if (talk) {
  let atEnd = true
  talk.addEventListener('cuelight:before-refresh', () => (atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80))
  talk.addEventListener('cuelight:refreshed', () => {
    if (atEnd) list.scrollTop = list.scrollHeight
    look()
  })
  document.addEventListener('visibilitychange', look)
  document.getElementById('text').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    event.target.form.requestSubmit()
  })
  list.scrollTop = list.scrollHeight
  look()
}

function count() {
  const unread = Number(chats.dataset.unread)
  document.title = unread ? `(${unread}) Messenger` : 'Messenger'
}

// A scenario marks the messages as read, takes them off the count and tells both.
function look() {
  if (document.hidden || !list.querySelector('[data-new]')) return
  void post('/demo/messenger/seen', new URLSearchParams({ with: document.querySelector('#compose [name=with]').value }))
}
