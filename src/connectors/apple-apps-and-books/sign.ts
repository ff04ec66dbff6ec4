import type { PartyCall } from '#sharing/exchange.ts'
import { LOOKUP, VERSION_2 } from './paths.ts'

const JSON_TYPE = 'application/json;charset=UTF8'

/** Headers and body of a call as Apple takes them: the token goes where each service looks for it. */
export function presented({ request, credentials }: PartyCall): {
  readonly headers: Record<string, string>
  readonly body: string | undefined
} {
  const { content_token: token = '' } = credentials
  const headers = {
    'user-agent': 'sluss/1',
    accept: 'application/json',
    'accept-encoding': 'identity',
    ...(request.body === undefined ? {} : { 'content-type': JSON_TYPE }),
  }
  if (request.exchange.carries.length === 0) return { headers, body: request.body }
  if (request.exchange.path === LOOKUP)
    return { headers: { ...headers, cookie: `itvt=${token}` }, body: request.body }
  if (request.exchange.path.startsWith(`${VERSION_2}/`))
    return {
      headers: { ...headers, authorization: `Bearer ${token}` },
      body: withNotifications(request.body, credentials),
    }
  return { headers, body: JSON.stringify({ ...objectIn(request.body), sToken: token }) }
}

/** `sluss` as address of notifications stands for the connection's own, with the token that proves them. */
function withNotifications(
  body: string | undefined,
  { notification_url: url, notification_token: token }: PartyCall['credentials'],
): string | undefined {
  if (body === undefined || !body.includes('"notificationUrl"')) return body
  const { notificationUrl, notificationTypes, ...rest } = objectIn(body)
  if (notificationUrl !== 'sluss') return body
  if (url === undefined || token === undefined) return JSON.stringify(rest)
  return JSON.stringify({
    ...rest,
    notificationUrl: url,
    notificationAuthToken: token,
    ...(notificationTypes === undefined ? {} : { notificationTypes }),
  })
}

function objectIn(body: string | undefined): Record<string, unknown> {
  return JSON.parse(body ?? '{}') as Record<string, unknown>
}
