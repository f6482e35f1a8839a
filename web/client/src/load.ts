export type Content = Document | DocumentFragment
type Reason = 'network' | 'status' | 'redirected' | 'not_html' | 'not_found' | 'failed'

/** Why a region kept its old content. */
export class RefreshError extends Error {
  constructor(
    readonly reason: Reason,
    message: string,
    readonly status = 0,
  ) {
    super(message)
  }

  /** Tells whether the same request may succeed a little later. */
  get passing(): boolean {
    return this.reason === 'network' || this.status >= 500 || this.status === 429
  }
}

/** Fetches the address and returns what it holds: a whole document or a fragment. Scripts in it never run. */
export async function load(url: string): Promise<Content> {
  const headers: Record<string, string> = { Accept: 'text/html' }
  if (new URL(url).origin === location.origin) headers['X-Cuelight-Refresh'] = '1'
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), 30_000)
  try {
    // Nothing is stored: an answer shortened for a refresh must never show up behind the back button.
    const response = await fetch(url, { headers, cache: 'no-store', signal: abort.signal })
    check(response, url)
    return parse(await response.text())
  } catch (error) {
    throw error instanceof RefreshError ? error : new RefreshError('network', `${url}: ${String(error)}`)
  } finally {
    clearTimeout(timer)
  }
}

function check(response: Response, url: string): void {
  const { status } = response
  if (!response.ok) throw new RefreshError('status', `${url} answered ${status}`, status)
  if (response.redirected && pathOf(response.url) !== pathOf(url)) {
    // A page that sends elsewhere mostly means "log in first": its content belongs to no region.
    throw new RefreshError('redirected', `${url} redirected to ${response.url}`, status)
  }
  const type = response.headers.get('content-type') ?? ''
  if (type && !/html|text\/plain/i.test(type)) throw new RefreshError('not_html', `${url} answered ${type}`, status)
}

function pathOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname.replace(/\/$/, '')
}

function parse(text: string): Content {
  if (/^\s*(<!--[^]*?-->\s*)*<(!doctype|html|head|body)\b/i.test(text)) {
    return new DOMParser().parseFromString(text, 'text/html')
  }
  // A template takes rows and cells without their table.
  const template = document.createElement('template')
  template.innerHTML = text
  return template.content
}
