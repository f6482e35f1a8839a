/** As much of an OpenAPI 3.1 document as the page shows. */
export type JsonSchema = {
  $ref?: string
  type?: string | string[]
  description?: string
  enum?: unknown[]
  default?: unknown
  properties?: { [name: string]: JsonSchema }
  required?: string[]
  items?: JsonSchema
  additionalProperties?: boolean | JsonSchema
  minimum?: number
  maxLength?: number
  format?: string
}

export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; description?: string; schema: JsonSchema }

export type Operation = {
  operationId: string
  summary?: string
  description?: string
  parameters?: Parameter[]
  requestBody?: { content: { [type: string]: { schema: JsonSchema } } }
  responses: { [status: string]: { description?: string; content?: { [type: string]: { schema: JsonSchema } } } }
}

export type OpenAPI = { info: { title: string; version: string; description?: string }; paths: { [path: string]: { [method: string]: Operation } }; components: { schemas: { [name: string]: JsonSchema } } }

export type Entry = { method: string; path: string; room: string; op: Operation }

const methods = ['get', 'post', 'put', 'patch', 'delete']

/** All operations, by the room that they lie in: the first part of the path that is no parameter. */
export function entriesOf(doc: OpenAPI): Entry[] {
  return Object.entries(doc.paths).flatMap(([path, item]) => {
    const parts = path.replace(/^\/api\/v1\//, '').replace(/^apps\/\{app\}\/?/, '').split('/').filter((p) => p && !p.startsWith('{'))
    const room = /objects/.test(path) ? 'objects' : ((parts[0] ?? 'apps').split(':')[0] ?? 'apps')
    return methods.flatMap((m) => (item[m] ? [{ method: m.toUpperCase(), path, room, op: item[m] }] : []))
  })
}

export function resolve(doc: OpenAPI, schema: JsonSchema | undefined): JsonSchema {
  const name = schema?.$ref?.split('/').at(-1)
  return name ? { ...(doc.components.schemas[name] ?? {}), ...(schema?.description ? { description: schema.description } : {}) } : (schema ?? {})
}

const typeOf = (s: JsonSchema): string => (s.enum ? s.enum.map((e) => JSON.stringify(e)).join(' | ') : [s.type ?? 'any'].flat().join(' | '))

export type Line = { depth: number; name: string; type: string; required: boolean; description: string | undefined }

/** A schema as an indented list of its fields, at most five levels deep. */
export function outline(doc: OpenAPI, schema: JsonSchema | undefined, depth = 0): Line[] {
  const s = resolve(doc, schema)
  if (depth > 4) return []
  if (s.items) return outline(doc, s.items, depth)
  return Object.entries(s.properties ?? {}).flatMap(([name, of]) => {
    const own = resolve(doc, of)
    const items = own.items ? resolve(doc, own.items) : undefined
    return [{ depth, name, type: items ? `${typeOf(items)}[]` : typeOf(own), required: s.required?.includes(name) ?? false, description: own.description }, ...outline(doc, items ?? own, depth + 1)]
  })
}

/** A body with the fields that a request needs, to begin with. */
export function example(doc: OpenAPI, schema: JsonSchema | undefined, depth = 0): unknown {
  const s = resolve(doc, schema)
  if (s.default !== undefined) return s.default
  if (s.enum) return s.enum[0]
  const type = [s.type ?? 'object'].flat()[0]
  if (type === 'array') return s.items && depth < 3 ? [example(doc, s.items, depth + 1)] : []
  if (type === 'string') return ''
  if (type === 'integer' || type === 'number') return 0
  if (type === 'boolean') return false
  if (depth > 3) return {}
  return Object.fromEntries(Object.entries(s.properties ?? {}).filter(([name]) => s.required?.includes(name)).map(([name, of]) => [name, example(doc, of, depth + 1)]))
}
