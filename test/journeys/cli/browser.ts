import { fetch } from 'undici'

/** As much of a browser as signing in to the command line takes: cookies, redirects, one form at a time. */
export class SmallBrowser {
  readonly #cookies = new Map<string, string>()

  /** The page at the end of all redirects. */
  async open(url: string, form?: Readonly<Record<string, string>>): Promise<string> {
    let at = url
    let body = form === undefined ? undefined : new URLSearchParams(form)
    for (let hops = 0; hops < 15; hops++) {
      const answer = await fetch(at, {
        method: body ? 'POST' : 'GET',
        ...(body ? { body } : {}),
        redirect: 'manual',
        headers: {
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          accept: 'text/html',
        },
      })
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        if (value === '') this.#cookies.delete(name)
        else this.#cookies.set(name, value)
      }
      const next = answer.headers.get('location')
      if (next === null) return answer.text()
      at = new URL(next, at).href
      body = undefined
    }
    throw new Error('it leads in circles')
  }

  /** Enters the code of a device at the address it showed, and says yes. */
  async allowDevice(url: string, code: string): Promise<string> {
    const asked = await this.open(url)
    const confirm = await this.open(new URL(formAction(asked), url).href, {
      xsrf: hidden(asked, 'xsrf'),
      user_code: code,
    })
    if (!confirm.includes('name="confirm"')) throw new Error('the code was not taken')
    return this.open(new URL(formAction(confirm), url).href, {
      xsrf: hidden(confirm, 'xsrf'),
      user_code: hidden(confirm, 'user_code'),
      confirm: 'yes',
    })
  }
}

const formAction = (page: string): string =>
  (/<form[^>]*action="([^"]*)"/.exec(page)?.[1] ?? '').replaceAll('&amp;', '&')

const hidden = (page: string, name: string): string =>
  new RegExp(`name="${name}"[^>]*value="([^"]*)"`).exec(page)?.[1] ?? ''
