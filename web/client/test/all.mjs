// Drives what was built in Chromium against the reference Socket.IO server. An argument picks checks by their name.
import { finish } from './harness.mjs'

await import('./refresher.mjs')
await import('./attributes.mjs')
await import('./script.mjs')
await import('./alerts.mjs')
await import('./redirects.mjs')
await import('./connection.mjs')
await import('./client.mjs')
await import('./react.mjs')
await finish()
