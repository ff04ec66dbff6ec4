import { request } from 'undici'

interface Cookie {
  readonly value: string
  readonly path: string
}

/** A browser without a window: it keeps cookies by path, and follows redirects within loopback. */
export class CookieBrowser {
  readonly #cookies = new Map<string, Map<string, Cookie>>()

  /** Follows redirects until an answer, or until an address for which `stopAt` says so. */
  async open(
    address: string | URL,
    options: { form?: Record<string, string>; stopAt?: (url: URL) => boolean } = {},
  ): Promise<{ url: URL; status: number; text: string }> {
    let url = new URL(address)
    let form = options.form
    for (let hops = 0; hops < 20; hops++) {
      if (options.stopAt?.(url)) return { url, status: 0, text: '' }
      const answer = await request(url, {
        method: form ? 'POST' : 'GET',
        headers: {
          accept: 'text/html',
          cookie: this.#cookiesFor(url),
          ...(form
            ? {
                'content-type': 'application/x-www-form-urlencoded',
                origin: url.origin,
              }
            : {}),
        },
        ...(form ? { body: new URLSearchParams(form).toString() } : {}),
      })
      this.#keep(url, answer.headers['set-cookie'])
      const { location } = answer.headers
      const text = await answer.body.text()
      if (answer.statusCode < 300 || answer.statusCode > 399 || typeof location !== 'string')
        return { url, status: answer.statusCode, text }
      url = new URL(location, url)
      form = undefined
    }
    throw new Error('too many redirects')
  }

  #cookiesFor(url: URL): string {
    return [...(this.#cookies.get(url.host) ?? [])]
      .filter(
        ([, { path }]) =>
          url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, '/')),
      )
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  #keep(url: URL, given: string | string[] | undefined): void {
    const jar = this.#cookies.get(url.host) ?? new Map<string, Cookie>()
    this.#cookies.set(url.host, jar)
    for (const line of given === undefined ? [] : [given].flat()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      const of = (attribute: string): string | undefined =>
        attributes
          .find((one) => one.toLowerCase().startsWith(`${attribute}=`))
          ?.slice(attribute.length + 1)
      const expires = of('expires')
      if (value === '' || (expires && Date.parse(expires) < Date.now())) jar.delete(name)
      else jar.set(name, { value, path: of('path') ?? '/' })
    }
  }
}
