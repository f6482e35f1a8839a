// The board renews itself by the attributes in the page and cuelight.js. This adds the form alone.
import { showStatus } from './live.js'
import { startForms } from './quiet.js'

showStatus()
startForms()
