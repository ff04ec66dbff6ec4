import { asObject, parsedJson } from '#foundation/json.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'

/** One message of a subscription, in whichever of the two forms it was delivered. */
export interface Delivery {
  /** The same for every delivery of a message. */
  readonly messageId: string
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  /** What kind of notification it is; undefined where the publisher did not say. */
  readonly type: string | undefined
  /** The parsed data; undefined where it is no JSON. */
  readonly data: unknown
}

const LONGEST_ID = 200
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const EMPTY = Symbol('empty')

/**
 * Reads what Pub/Sub pushed (protocols facts, webhooks_in.pubsub_push): the wrapped message, or, where the subscription
 * is told to unwrap, its bare data with the rest in headers.
 *
 * @returns `body_malformed` for what is no delivery; data that cannot be read are no reason, since they would come again
 */
export function readDelivery(
  body: Buffer,
  header: (name: string) => string | undefined,
): Delivery | Refusal {
  const messageId = header('x-goog-pubsub-message-id')
  if (messageId !== undefined)
    return delivery(
      messageId,
      header('x-goog-pubsub-publish-time'),
      header('notificationtype'),
      body.length === 0 ? EMPTY : parsedJson(body),
    )
  const wrapped = asObject(parsedJson(body))
  const message = asObject(wrapped?.message)
  if (!message || typeof wrapped?.subscription !== 'string')
    return refuse('body_malformed', { expected: 'message' })
  const { attributes, data } = message
  return delivery(
    message.messageId ?? message.message_id,
    message.publishTime ?? message.publish_time,
    asObject(attributes)?.notificationType,
    dataOf(data),
  )
}

function delivery(id: unknown, time: unknown, type: unknown, data: unknown): Delivery | Refusal {
  const publishedAt = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (typeof id !== 'string' || id === '' || id.length > LONGEST_ID)
    return refuse('body_malformed', { expected: 'messageId' })
  if (Number.isNaN(publishedAt)) return refuse('body_malformed', { expected: 'publishTime' })
  return {
    messageId: id,
    publishedAt,
    type: typeof type === 'string' ? type : undefined,
    data: data === EMPTY ? {} : data,
  }
}

function dataOf(data: unknown): unknown {
  if (data === undefined || data === '') return EMPTY
  if (typeof data !== 'string' || !BASE64.test(data)) return undefined
  return parsedJson(Buffer.from(data, 'base64'))
}
