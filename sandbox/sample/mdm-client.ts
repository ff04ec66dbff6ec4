import { createHmac } from 'node:crypto'
import OAuth from 'oauth-1.0a'
import { Pool } from 'undici'

export interface MdmAnswer {
  readonly status: number
  readonly body: string
  readonly refusal: string | undefined
  readonly entry: string | undefined
}

/**
 * A stand-in for the tenant's device-management server: an ordinary client of Apple's Device Enrollment service
 * that was pointed at the gateway. It shares no code with the product.
 */
export function createMdmClient(origin: string, token: Readonly<Record<string, string>>) {
  const pool = new Pool(origin, { connections: 32 })
  const oauth = new OAuth({
    consumer: { key: token.consumer_key ?? '', secret: token.consumer_secret ?? '' },
    signature_method: 'HMAC-SHA1',
    hash_function: (text, key) => createHmac('sha1', key).update(text).digest('base64'),
  })
  let session: string | undefined

  const openSession = async (): Promise<string> => {
    const signed = oauth.authorize(
      { url: `${origin}/session`, method: 'GET' },
      { key: token.access_token ?? '', secret: token.access_secret ?? '' },
    )
    const { statusCode, body } = await pool.request({
      method: 'GET',
      path: '/session',
      headers: { ...oauth.toHeader(signed), 'user-agent': 'sample-mdm/1' },
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`the gateway gives no session: ${statusCode} ${text}`)
    const answer = JSON.parse(text) as { auth_session_token: string }
    return answer.auth_session_token
  }

  return {
    /** The session that the gateway gave, opened by the party's own signed call. */
    session: async (): Promise<string> => (session ??= await openSession()),
    call: async (
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      path: string,
      json?: unknown,
      more: { headers?: Record<string, string>; raw?: Buffer | string } = {},
    ): Promise<MdmAnswer> => {
      session ??= await openSession()
      const { statusCode, headers, body } = await pool.request({
        method,
        path,
        headers: {
          'user-agent': 'sample-mdm/1',
          'x-adm-auth-session': session,
          ...(json === undefined && more.raw === undefined
            ? {}
            : { 'content-type': 'application/json;charset=UTF8' }),
          ...more.headers,
        },
        body: more.raw ?? (json === undefined ? null : JSON.stringify(json)),
      })
      const text = (value: string | string[] | undefined) =>
        Array.isArray(value) ? value[0] : value
      return {
        status: statusCode,
        body: await body.text(),
        refusal: text(headers['sluss-refusal']),
        entry: text(headers['sluss-entry']),
      }
    },
    close: () => pool.close(),
  }
}
