import { asText, isRecord, unpack } from './message'
import { toast } from './toast'

/** Shows the message of an `alert` event, plain text or JSON, unless it is meant for another page. */
export function alert(message: unknown, position: string): void {
  const content = unpack(message)
  const settings = isRecord(content) ? content : { message: content }
  const parameters = isRecord(settings['parameters']) ? settings['parameters'] : {}
  const text = asText(settings['description'] ?? settings['message'])
  const title = asText(settings['title'])
  if ((!text && !title) || !isHere(asText(settings['page']))) return
  const duration = Number(parameters['duration'] ?? 5000)
  toast({
    title,
    text,
    icon: asText(parameters['icon'] ?? settings['icon']),
    variant: asText(settings['variant']) || 'default',
    position: asText(parameters['position']) || position,
    duration: duration > 0 ? duration : 5000,
  })
}

// Pages are named as in the address, comma separated; each includes the pages below it.
function isHere(pages: string): boolean {
  const here = trim(location.pathname)
  const names = pages.split(',').filter((name) => name.trim())
  return names.length === 0 || names.map(trim).some((name) => here === name || (name && here.startsWith(`${name}/`)))
}

function trim(path: string): string {
  return path.trim().replace(/^\/+|\/+$/g, '')
}
