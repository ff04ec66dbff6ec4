import { z } from 'zod'
import {
  type PushCertificateRecord,
  issuePushClientCertificate,
  pushConnectionOf,
  pushSigningRequest,
  readPushCertificateRecord,
  uploadPushCertificate,
} from '#connections/push-certificate.ts'
import type { Database, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint } from '../endpoint.ts'
import { TENANT_ONLY, by, iso, noBody, noParams } from '../sharing/shared.ts'

export interface ApplePushParts {
  readonly database: Database
  readonly keys: Keys
}

const PATH = '/deviceManagement/applePushNotificationCertificate'
const ENROLLMENT = 'Enrollment programs'

const certificate = z.object({
  id: z.string(),
  /** Sluss keeps nobody's Apple account. */
  appleIdentifier: z.null(),
  topicIdentifier: z.string(),
  certificateSerialNumber: z.string(),
  expirationDateTime: z.string(),
  lastModifiedDateTime: z.string(),
  certificateUploadStatus: z.enum(['Success', 'Failure']),
  /** The reason that Apple's push service gave when it last refused the certificate. */
  certificateUploadFailureReason: z.string().nullable(),
})

/** `deviceManagement/applePushNotificationCertificate`, as Graph names it: the tenant's connection for pushes. */
export function applePushEndpoints(parts: ApplePushParts): readonly Endpoint[] {
  return [reading(parts), requesting(parts), uploading(parts), letting(parts)]
}

function reading({ database, keys }: ApplePushParts): Endpoint {
  return getEndpoint({
    id: 'getApplePushNotificationCertificate',
    path: PATH,
    summary: 'The push certificate: topic, end, and whether Apple takes it',
    realms: TENANT_ONLY,
    permission: `${ENROLLMENT}/Read token`,
    params: noParams,
    answer: certificate,
    get: ({ tenantId }) => shown(database, keys, tenantId),
  })
}

function requesting({ database, keys }: ApplePushParts): Endpoint {
  return getEndpoint({
    id: 'downloadApplePushNotificationCertificateSigningRequest',
    path: `${PATH}/downloadApplePushNotificationCertificateSigningRequest`,
    summary:
      "The request for a certificate, for an MDM vendor to sign and Apple's portal; its key stays",
    realms: TENANT_ONLY,
    permission: `${ENROLLMENT}/Create token`,
    params: noParams,
    answer: z.object({ value: z.string() }),
    get: (call) =>
      onConnection(database, call, async (tx, id) => ({
        value: await pushSigningRequest(tx, keys, id, by(call)),
      })),
  })
}

function uploading({ database, keys }: ApplePushParts): Endpoint {
  return changeEndpoint({
    id: 'updateApplePushNotificationCertificate',
    path: PATH,
    method: 'PATCH',
    summary: "Takes Apple's certificate, or one with its key; renewed only with the same topic",
    realms: TENANT_ONLY,
    permission: `${ENROLLMENT}/Update token`,
    params: noParams,
    body: z.strictObject({
      /** As Graph has it; not kept. */
      appleIdentifier: z.string().max(320).optional(),
      certificate: z.string().min(1).max(65_536).optional(),
      privateKey: z.string().min(1).max(16_384).optional(),
      pkcs12: z.string().min(1).max(131_072).optional(),
      password: z.string().max(512).optional(),
    }),
    answer: certificate,
    success: 200,
    current: async ({ tenantId }) => {
      const now = await shown(database, keys, tenantId)
      return now && 'refused' in now ? undefined : now
    },
    change: async (call, _, { certificate: file, privateKey, pkcs12, password }) => {
      const refused = await onConnection(database, call, (tx, id) =>
        uploadPushCertificate(
          tx,
          keys,
          id,
          { certificate: file, privateKey, pkcs12, password },
          by(call),
        ),
      )
      return refused ?? shown(database, keys, call.tenantId)
    },
  })
}

function letting({ database, keys }: ApplePushParts): Endpoint {
  return changeEndpoint({
    id: 'issueApplePushClientCertificate',
    path: `${PATH}/issueClientCertificate`,
    method: 'POST',
    summary:
      'Makes a certificate by which the management server is known at the gateway; shown this once',
    realms: TENANT_ONLY,
    permission: `${ENROLLMENT}/Create token`,
    stepUp: true,
    params: noParams,
    body: noBody,
    answer: z.object({ certificate: z.string(), privateKey: z.string() }),
    success: 200,
    change: (call) =>
      onConnection(database, call, (tx, id) => issuePushClientCertificate(tx, keys, id, by(call))),
  })
}

function onConnection<Result>(
  database: Database,
  { tenantId }: Call,
  work: (tx: Transaction, connectionId: string) => Promise<Result>,
): Promise<Result | Refusal> {
  return database.write(tenantId, async (tx) => {
    const id = await pushConnectionOf(tx)
    return id === undefined ? refuse('connection_unknown') : work(tx, id)
  })
}

function shown(
  database: Database,
  keys: Keys,
  tenantId: string,
): Promise<z.input<typeof certificate> | Refusal | undefined> {
  return database.read(tenantId, async (reader) => {
    const id = await pushConnectionOf(reader)
    if (id === undefined) return refuse('connection_unknown')
    const record = await readPushCertificateRecord(reader, keys, id)
    return record && describe(record)
  })
}

function describe(record: PushCertificateRecord): z.input<typeof certificate> {
  return {
    id: record.connectionId,
    appleIdentifier: null,
    topicIdentifier: record.topic,
    certificateSerialNumber: record.serialNumber,
    expirationDateTime: iso(record.expiresAt) ?? '',
    lastModifiedDateTime: iso(record.uploadedAt) ?? '',
    certificateUploadStatus: record.refusedBecause === undefined ? 'Success' : 'Failure',
    certificateUploadFailureReason: record.refusedBecause ?? null,
  }
}
