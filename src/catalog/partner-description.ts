import { z } from 'zod'
import { memberName, writtenObject, writtenShape, writtenValue } from './partner-shape.ts'

/** What a party is for the people who set it up: under which of Graph's names it is listed. */
export const PARTNER_KINDS = [
  'complianceManagement',
  'mobileThreatDefense',
  'remoteAssistance',
  'zebraFota',
  'chromeOs',
  'other',
] as const
export type PartnerKind = (typeof PARTNER_KINDS)[number]

const SLUG = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/, 'lower-case letters, digits and hyphens')
const WORDS = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{C}]+$/u, 'words without control characters')
const NAME = z.string().regex(/^[a-z][A-Za-z0-9]{0,47}$/, 'a name such as `pushDevices`')
const PLACE = z
  .string()
  .regex(/^[\w-]{1,50}(?:\.[\w-]{1,50}){0,3}$/, 'a member, or a path of members such as `data.id`')
const ITEM = z.string().min(1).max(128)
const ADDRESS = z.string().max(300)
/** Fixed text and parameters `{name=*}` that take one segment each. */
const PATH = z
  .string()
  .max(300)
  .regex(
    /^(?:\/(?:[\w.~@+:-]+|\{\w{1,50}=\*\}(?::[A-Za-z]+)?))+$/,
    'a path such as `/v1/devices/{id=*}`',
  )
  .refine(
    (path) => !path.split('/').some((part) => part === '.' || part === '..'),
    'no dot segments',
  )
const CODES = z.record(
  z.string().regex(/^[45]\d\d$/, 'a status of an error'),
  z
    .array(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'a code in capitals'))
    .min(1)
    .max(50),
)

const flow = z.strictObject({
  /** One of the shipped partner features, or one of its own that begins with the description's id. */
  feature: SLUG,
  title: WORDS,
  service: WORDS,
  purpose: SLUG,
})

/** Sent by Sluss itself from what is kept: `list` is the member of the request that holds one element for each device. */
const push = z.strictObject({
  list: z.string().min(1).max(100),
  most: z.int().min(1).max(500),
  /** What stands where the shape has `protocol.partnerMessageType`. */
  type: z.string().min(1).max(100).optional(),
})

const exchange = z.strictObject({
  id: NAME,
  /** The feature whose outbound flow it is; the first of the description where left out. */
  feature: SLUG.optional(),
  /** The feature whose inbound flow its answer is, where that is another. */
  answers: SLUG.optional(),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: PATH,
  parameters: z.record(memberName(/^\w{1,50}$/), writtenValue).optional(),
  query: z
    .record(memberName(/^[\w.$-]{1,50}$/), z.union([writtenValue, z.tuple([writtenValue])]))
    .optional(),
  request: writtenObject.optional(),
  response: writtenShape.optional(),
  errors: CODES.optional(),
  idempotent: z.boolean(),
  permanent: z.boolean(),
  essential: z.array(ITEM).max(50).optional(),
  whole: z.boolean().optional(),
  limits: z.record(z.string().min(1).max(100), z.int().min(1).max(100_000)).optional(),
  subject: ITEM.optional(),
  push: push.optional(),
})
export type WrittenExchange = z.output<typeof exchange>

const event = z.strictObject({
  type: z.string().min(1).max(100),
  shape: writtenObject,
  /** The item that names the device. */
  subject: ITEM,
  /** The item and word by which the party says that it has the device no longer. */
  removal: z.strictObject({ item: ITEM, word: z.string().min(1).max(100) }).optional(),
})

const events = z.strictObject({
  feature: SLUG.optional(),
  /** Where each is found in the body; as Standard Webhooks writes them where left out. */
  type: PLACE.default('type'),
  time: PLACE.default('timestamp'),
  /** What makes an event itself and no other; all of its bytes where left out. */
  name: PLACE.optional(),
  data: PLACE.default('data'),
  types: z.array(event).min(1).max(50),
})

const auth = z.discriminatedUnion('kind', [
  /** Every message signed (Standard Webhooks), symmetric. */
  z.strictObject({ kind: z.literal('standardWebhooks') }),
  /** RFC 6749 section 4.4; `tls` authenticates the client by its certificate (RFC 8705 section 2). */
  z.strictObject({
    kind: z.literal('clientCredentials'),
    tokenEndpoint: ADDRESS,
    scope: z.string().max(500).optional(),
    clientAuthentication: z.enum(['basic', 'post', 'tls']).default('basic'),
  }),
  /** RFC 7523 section 2.1: a signed assertion of a service account. */
  z.strictObject({
    kind: z.literal('jwtBearer'),
    tokenEndpoint: ADDRESS,
    scope: z.string().max(500).optional(),
  }),
  /** RFC 6750: a token that the party handed out and does not renew. */
  z.strictObject({ kind: z.literal('bearerToken') }),
  /** TLS with a client certificate and nothing else. */
  z.strictObject({ kind: z.literal('mutualTls') }),
])
export type PartnerAuth = z.output<typeof auth>

export const partnerDescription = z.strictObject({
  /** The id of the connector: what a connection is made to. */
  id: SLUG,
  kind: z.enum(PARTNER_KINDS),
  party: z.strictObject({
    id: SLUG,
    name: WORDS,
    region: WORDS.max(64),
    /** As what it is to stand. An agent also has to be put on the published list, with its lead times. */
    standing: z.enum(['agent', 'thirdParty', 'none']),
  }),
  flows: z.array(flow).min(1).max(8),
  /** Where the party is. Nothing is ever sent to, and no token asked for at, any other place. */
  hosts: z.array(ADDRESS).min(1).max(10),
  auth,
  exchanges: z.array(exchange).max(50),
  events: events.optional(),
  /** Where the protocol is written, for people; and what is not known of it. */
  source: WORDS.max(500),
})

/** A party's protocol as data: everything that code would otherwise say. */
export type PartnerDescription = z.output<typeof partnerDescription>

/** The same before it is known where the party is: what ships for parties that publish no address. */
export type PartnerDraft = Omit<z.input<typeof partnerDescription>, 'hosts' | 'auth'> & {
  readonly hosts?: readonly string[]
  readonly auth?: z.input<typeof auth>
}
