import { found, lost } from './reach'

/** What the server says of a request that it refuses (RFC 9457). */
export type Problem = {
  title: string
  status: number
  code: string
  detail?: string
  cure?: string
  fields: { path: string; code: string; message: string }[]
  request_id?: string
}

/** A refused request, or one that found no server: then status is 0. */
export class ApiError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail || problem.title)
    this.problem = problem
  }

  /** What is wrong with one field, by its path. */
  field(path: string): string | undefined {
    return this.problem.fields.find((f) => f.path === path)?.message
  }
}

export type Answer<T> = { body: T; headers: Headers }

/** Sends a request to the API with the session's cookie. It fails with ApiError. */
export async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch {
    lost()
    throw new ApiError({ title: 'No answer', status: 0, code: 'OFFLINE', detail: 'The server does not answer.', fields: [] })
  }
  found()
  const text = await response.text()
  if (!response.ok) throw new ApiError(problemOf(response, text))
  return { body: (text ? JSON.parse(text) : undefined) as T, headers: response.headers }
}

function problemOf(response: Response, text: string): Problem {
  try {
    const problem = JSON.parse(text) as Partial<Problem>
    if (typeof problem.code === 'string') return { title: '', status: response.status, code: problem.code, ...problem, fields: problem.fields ?? [] }
  } catch {
    // a proxy's page
  }
  return { title: response.statusText || String(response.status), status: response.status, code: 'HTTP', fields: [] }
}
