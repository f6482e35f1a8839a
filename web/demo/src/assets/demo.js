// What the list of orders needs is not here: cuelight.js does that from the attributes in the page.
// These modules add the forms, the toasts and the log around it.
import { showChanges } from './changes.js'
import { startForm } from './form.js'
import { startLog } from './log.js'
import { startLogin } from './login.js'
import { startSnippets } from './snippets.js'
import { toast } from './toast.js'

const app = document.body.dataset.app
const cuelight = window.cuelight

document.addEventListener('cuelight:status', showStatus)
showStatus()
showChanges(document.getElementById('orders'))
startForm(document.getElementById('change'))
startSnippets(document.getElementById('snippets'))

const log = startLog(document.getElementById('events'), app)
startLogin(document.getElementById('login'), app, [cuelight.socket, log])

cuelight.on('message', (message) => toast(message, 'message'))
cuelight.on('alert', (message) => toast(message, 'alert'))

function showStatus() {
  document.getElementById('live').textContent = cuelight.status
}
