/** What lies at the dotted path in the message, the empty path being the message. Undefined: the path leads nowhere. */
export function at(message: unknown, path: string): unknown {
  let value = path ? unpack(message) : message
  for (const key of path.split('.').filter(Boolean)) {
    value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  return value
}

/** The value of a message that was sent as text but holds JSON; any other message as it is. */
export function unpack(message: unknown): unknown {
  if (typeof message !== 'string' || !/^\s*[{[]/.test(message)) return message
  try {
    return JSON.parse(message)
  } catch {
    return message
  }
}

/** Tells whether the message meets the condition: `path=value`, `path` (there and not empty) or `!path`. */
export function meets(message: unknown, condition: string): boolean {
  const [, not, path = '', value] = /^\s*(!?)([^=]*?)\s*(?:=\s*(.*?)\s*)?$/s.exec(condition) ?? []
  const found = at(message, path)
  const met = value === undefined ? Boolean(found) : found !== undefined && asText(found) === value
  return met !== Boolean(not)
}

export function asText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
