import { z } from 'zod'
import { readConsents } from '#agreements/list-agreements.ts'
import { openTokenKeyPair, storeCredentials, storeTokenKeyPair } from '#connections/credentials.ts'
import {
  type ConnectionRecord,
  listTenantConnections,
  readTenantConnection,
} from '#connections/list-connections.ts'
import type { Database, Reader } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { slug } from './connections.ts'
import { PAGE, TENANT_ONLY, both, by, iso, noBody, noParams, nothing } from './shared.ts'

interface KeyPair {
  readonly privateKey: string
  readonly certificate: string
}

/** What only the connector to Apple knows how to do. */
export interface AppleEnrollmentParts {
  readonly database: Database
  readonly keys: Keys
  readonly appleEnrollment: {
    makeKeyPair(now: number): Promise<KeyPair>
    readTokenFile(
      file: Buffer,
      pair: KeyPair,
      now: number,
    ): ({ readonly expiresAt: number } & Readonly<Record<string, string | number>>) | Refusal
    /** Asks for the devices of the connection to be fetched; answers before they are. */
    synchronise(tenantId: string, connectionId: string): Promise<void>
  }
}

const CONNECTOR = 'apple-device-enrollment'
const PATH = '/deviceManagement/depOnboardingSettings'
const ENROLLMENT = 'Enrollment programs'

const setting = z.object({
  id: z.string(),
  tokenName: z.string(),
  tokenType: z.literal('dep'),
  tokenExpirationDateTime: z.string().nullable(),
  lastSuccessfulSyncDateTime: z.string().nullable(),
  dataSharingConsentGranted: z.boolean(),
})

/** `deviceManagement/depOnboardingSettings`: the link to Apple's device enrolment, as Graph names it. */
export function appleEnrollmentEndpoints(parts: AppleEnrollmentParts): readonly Endpoint[] {
  return [...reading(parts), ...tokens(parts), synchronising(parts)]
}

function reading({ database }: AppleEnrollmentParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listDepOnboardingSettings',
      path: PATH,
      summary: "Links to Apple's device enrolment",
      realms: TENANT_ONLY,
      permission: `${ENROLLMENT}/Read token`,
      params: noParams,
      answer: setting,
      pageSize: PAGE,
      fields: { id: both, tokenName: both, tokenExpirationDateTime: both },
      list: ({ tenantId, now }, _, query) =>
        database.read(tenantId, async (reader) => {
          const granted = await isGranted(reader, now)
          const page = await listTenantConnections(reader, query, CONNECTOR)
          return { ...page, rows: page.rows.map((row) => describe(row, granted)) }
        }),
    }),
    getEndpoint({
      id: 'getDepOnboardingSetting',
      path: `${PATH}/{id}`,
      summary: 'One link',
      realms: TENANT_ONLY,
      permission: `${ENROLLMENT}/Read token`,
      params: slug,
      answer: setting,
      get: ({ tenantId, now }, { id }) =>
        database.read(tenantId, async (reader) => {
          const found = await readTenantConnection(reader, id, CONNECTOR)
          return found && describe(found, await isGranted(reader, now))
        }),
    }),
  ]
}

function tokens({ database, keys, appleEnrollment }: AppleEnrollmentParts): readonly Endpoint[] {
  return [
    changeEndpoint({
      id: 'generateEncryptionPublicKey',
      path: `${PATH}/{id}/generateEncryptionPublicKey`,
      method: 'POST',
      summary: "Makes a key pair; the certificate goes to Apple's portal, the private key stays",
      realms: TENANT_ONLY,
      permission: `${ENROLLMENT}/Create token`,
      params: slug,
      body: noBody,
      answer: z.object({ value: z.string() }),
      success: 200,
      change: async (call, { id }) => {
        const pair = await appleEnrollment.makeKeyPair(call.now)
        const found = await database.write(call.tenantId, async (tx) => {
          if (!(await readTenantConnection(tx, id, CONNECTOR))) return false
          await storeTokenKeyPair(tx, keys, id, pair, by(call))
          return true
        })
        return found ? { value: pair.certificate } : refuse('connection_unknown')
      },
    }),
    changeEndpoint({
      id: 'uploadDepToken',
      path: `${PATH}/{id}/uploadDepToken`,
      method: 'POST',
      summary: "Takes the token file of Apple's portal; refused when it is of another server",
      realms: TENANT_ONLY,
      permission: `${ENROLLMENT}/Update token`,
      params: slug,
      body: z.strictObject({
        /** As Graph has it; Sluss keeps nobody's Apple account. */
        appleId: z.string().max(320).optional(),
        depToken: z.string().min(1).max(65_536),
        replacesServer: z.boolean().optional(),
      }),
      answer: nothing,
      success: 204,
      change: (call, { id }, body) =>
        database.write(call.tenantId, async (tx) => {
          if (!(await readTenantConnection(tx, id, CONNECTOR))) return refuse('connection_unknown')
          const pair = await openTokenKeyPair(tx, keys, id)
          if (!pair) return refuse('credentials_missing', { connection: id })
          const file = appleEnrollment.readTokenFile(tokenBytes(body.depToken), pair, call.now)
          if (isRefusal(file)) return file
          const { expiresAt, ...secrets } = file
          const texts = Object.entries(secrets).map(([name, value]) => [name, String(value)])
          const credentials = Object.fromEntries(texts) as Record<string, string>
          const force = body.replacesServer ?? false
          return storeCredentials(tx, keys, id, credentials, { expiresAt, force }, by(call))
        }),
    }),
  ]
}

function synchronising({ database, appleEnrollment }: AppleEnrollmentParts): Endpoint {
  return changeEndpoint({
    id: 'syncWithAppleDeviceEnrollmentProgram',
    path: `${PATH}/{id}/syncWithAppleDeviceEnrollmentProgram`,
    method: 'POST',
    summary: 'Asks for the devices to be fetched now',
    realms: TENANT_ONLY,
    permission: `${ENROLLMENT}/Sync device`,
    params: slug,
    body: noBody,
    answer: nothing,
    success: 204,
    change: async ({ tenantId }, { id }) => {
      const found = await database.read(tenantId, (reader) =>
        readTenantConnection(reader, id, CONNECTOR),
      )
      if (!found) return refuse('connection_unknown')
      if (!found.enabled) return refuse('connection_disabled')
      if (!found.hasCredentials) return refuse('credentials_missing')
      await appleEnrollment.synchronise(tenantId, id)
      return undefined
    },
  })
}

/** Graph's clients send the file in base64; a file by itself is text with line ends. */
function tokenBytes(text: string): Buffer {
  return /^[A-Za-z0-9+/=]+$/.test(text) ? Buffer.from(text, 'base64') : Buffer.from(text)
}

/** Whether both directions are consented to. */
async function isGranted(reader: Reader, now: number): Promise<boolean> {
  const consents = await readConsents(reader)
  return ['outbound', 'inbound'].every((direction) => {
    const consent = consents.get(`${CONNECTOR}/${direction}`)
    return (
      consent !== undefined &&
      !consent.withdrawnAt &&
      (!consent.until || consent.until.getTime() > now)
    )
  })
}

function describe(record: ConnectionRecord, granted: boolean): z.input<typeof setting> {
  return {
    id: record.id,
    tokenName: record.title,
    tokenType: 'dep',
    tokenExpirationDateTime: iso(record.credentialsExpireAt),
    lastSuccessfulSyncDateTime: iso(record.synchronisedAt),
    dataSharingConsentGranted: granted,
  }
}
