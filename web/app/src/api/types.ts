export type Page<T> = { items: T[]; next?: string; total?: number; total_at_least?: number }

export type Session = { kind: string; id: string; role?: 'admin' | 'builder' | 'viewer'; scopes: string[] }

export type App = { id: string; name?: string; guests?: boolean; origins?: string[]; time_zone?: string; private_hosts?: string[] }

export type Account = { email: string; role: 'admin' | 'builder' | 'viewer'; disabled?: boolean; created_at: string }

export type Token = { id: string; name: string; app: string; scopes: string[]; by?: string; created_at: string; expires_at?: string }

export type Limit = { name: string; value: number; unit: string; help: string }

/** What the server was started with. */
export type Setting = { name: string; value: string; from: 'flag' | 'env' | 'default'; flag: string; env?: string; help: string }

export type User = { id: string; name: string | null; email: string | null; role: string | null; disabled: boolean | null }

export type UserSession = { id: string; user: string; created_at: string; used_at: string; expires_at: string }

export type Connection = {
  id: string
  user?: string
  origin?: string
  page?: string
  transport: 'polling' | 'websocket'
  since: string
  rtt_ms?: number
  sent: number
  client?: string
  listens?: string[]
}

export type Refusal = {
  app_id: string
  code: 'app_unknown' | 'session_expired' | 'origin_refused' | 'too_many'
  message: string
  limit?: string
  origin?: string
  page?: string
  count: number
  at: string
  meant?: string
}

export type EventName = { event: string; scenarios: string[]; sent: number; listening: number }

export type Secret = { id: string; hosts: string[]; set: boolean; notes?: string }

export type Constant = { id: string; value: Value; notes?: string }

export type FieldType = 'string' | 'number' | 'decimal' | 'boolean' | 'date' | 'json' | 'link' | 'links'

export type Field = {
  id: string
  name?: string
  type: FieldType
  required?: boolean
  unique?: boolean
  indexed?: boolean
  default?: Value
  options?: string[]
  structure?: string
  auto?: string
}

/** How far the system run over the objects of a structure is. */
export type Filling = { fields: string[]; done: number; total?: number; waits?: { object: string; field: string; other?: string; code: string; message: string } }

export type Structure = { id: string; name?: string; title?: string; fields: Field[]; filling?: Filling; warnings?: { scenario: string; problems: { path: string; message: string }[] }[] }

/** A scenario that reads or writes a field. */
export type FieldUse = { field: string; scenario: string; name?: string; published: boolean; draft: boolean; places: string[] }

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value }

export type Thing = { id: string; version: number; created_at: string; changed_at: string; created_by: string; changed_by: string } & { [field: string]: Value }

export type Change = { seq: number; structure: string; object: string; kind: 'created' | 'changed' | 'deleted'; version: number; fields: string[]; before: { [field: string]: Value } | null; after: { [field: string]: Value } | null; who?: string; run?: string; silent?: boolean; at: string }

export type ScenarioState = 'running' | 'paused' | 'stopped'

export type Notice = { code: string; message: string; count?: number; at?: string }

export type Scenario = {
  id: string
  name?: string
  structure?: string
  state: ScenarioState
  version: number
  unpublished: boolean
  rev: number
  notices?: Notice[]
  problems?: { path: string; message: string }[]
  missed?: { changes: number; since: string; running?: boolean }
  changed_at: string
}

export type RunStatus = 'ready' | 'queued' | 'waiting' | 'calling' | 'done' | 'failed' | 'cancelled' | 'not_matched' | 'merged'

export type Run = {
  id: string
  scenario: string
  version: number
  status: RunStatus
  trigger?: string
  structure?: string
  object?: string
  change?: number
  user?: string
  parent?: string
  created_at: string
  finished_at?: string
  due_at?: string
  error?: { step: string; code: string; message: string }
}

export type StepRecord = {
  seq: number
  step: string
  kind: string
  status: 'done' | 'failed' | 'waiting' | 'skipped'
  attempt?: number
  at: string
  settings?: Value
  output?: Value
  error?: string
  deliveries?: { online: number; delivered: number; received: number }
}

export type Schema = {
  type?: string
  title?: string
  description?: string
  format?: 'template' | 'expression' | 'tree' | 'fields' | 'steps' | string
  enum?: string[]
  default?: Value
  properties?: { [name: string]: Schema }
  required?: string[]
  items?: Schema
  additionalProperties?: boolean | Schema
  'x-order'?: string[]
  'x-ui'?: { widget?: string }
}

/** A kind of step or trigger, as the server describes it: the only place where its form comes from. */
export type Kind = { kind: string; title: string; help: string; group: string; schema: Schema }

/** A step of a document: its own settings lie beside the reserved names (contracts 1). */
export type Step = { id: string; kind: string; name?: string; notes?: string; disabled?: boolean; [setting: string]: unknown }

export type ScenarioDoc = {
  id: string
  name?: string
  structure?: string
  triggers?: Step[]
  steps?: Step[]
  catch?: Step[]
  order?: string
  lane?: string
  settings?: { [name: string]: unknown }
}

/** What a setting of a draft comes to on the sample object. */
export type Previewed = { path: string; value: Value; cut?: number; error?: string; unknown?: boolean; saw?: { path: string; value: Value }[]; says?: string; next?: string[] }

/** A published version of a scenario. */
export type ScenarioVersion = { number: number; note?: string; by?: string; at: string }

/** A setting that differs between two documents; a side that has none is left out. */
export type FieldDifference = { path: string; before?: Value; after?: Value }

export type StepDifference = { step: string; kind: string; name?: string; change: 'added' | 'removed' | 'changed' | 'moved'; moved?: boolean; path: string; fields: FieldDifference[] }

/** How two documents of a scenario differ. */
export type Difference = { items: StepDifference[]; settings: FieldDifference[]; triggers: StepDifference[] }
