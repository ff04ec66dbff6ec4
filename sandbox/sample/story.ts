import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withdrawConsent } from '#agreements/consent.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { withoutFlowItem } from '#catalog/grow.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { EXCHANGES } from '#connectors/apple-device-enrollment/exchanges.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { issueAuditorToken } from '#http/server.ts'
import { logKey } from '#ledger/sequence.ts'
import { verifyFolder } from '#ledger/verify/verify-folder.ts'
import { previewCall } from '#sharing/preview.ts'
import { admin } from '../agree.ts'
import { downloadLedger } from '../../src/cli/download.ts'
import type { Node } from '../../src/compose.ts'
import { synchroniseDevices } from '../../src/node/synchronise.ts'
import type { SandboxApple } from '../apple/server.ts'
import type { MdmAnswer, createMdmClient } from './mdm-client.ts'
import { OUT, TENANT, CONNECTION, agreeWithApple, consentToBoth } from './organisation.ts'
import { type Page, listed } from './page.ts'
import type { Words } from './words.ts'

type MdmClient = ReturnType<typeof createMdmClient>

/** The catalog before its newest field, as an older version shipped it. */
export const OLDER_CATALOG = withoutFlowItem(
  withoutFlowItem(shippedCatalog, OUT, 'enrollmentProfile.isReturnToService'),
  'apple-device-enrollment/inbound',
  'enrollmentProfile.isReturnToService',
)

/** A profile as a server might define it, with more in it than anybody agreed to. */
const PROFILE = {
  profile_name: 'Field staff',
  url: 'https://mdm.example.org/enrol',
  department: 'Field',
  support_phone_number: '+1-555-0100',
  support_email_address: 'help@example.org',
  is_supervised: true,
  is_return_to_service: true,
  owner_full_name: 'Synthetic Person',
  devices: [] as string[],
}

export interface Stage {
  readonly page: Page
  readonly words: Words
  readonly apple: SandboxApple
}

/** Before anybody agreed to anything. */
export async function nothingAgreed({ page, words, apple }: Stage, mdm: MdmClient): Promise<void> {
  page.step(words.before)
  const seen = apple.received.length
  showAnswer(page, words, await mdm.call('POST', '/server/devices', { limit: 100 }))
  if (apple.received.length !== seen) throw new Error('something left before consent')
}

/** Feature, contract and permission, a preview, and consent. */
export async function consentOnSight({ page, words }: Stage, node: Node): Promise<void> {
  page.step(words.preview)
  await node.database.write(TENANT, (tx) =>
    switchFeature(tx, node.parts.catalog, 'apple-device-enrollment', true, admin(node)),
  )
  await agreeWithApple(node)
  const define = EXCHANGES.find((exchange) => exchange.id === 'apple.dep.defineProfile')
  if (!define) throw new Error('the exchange is gone')
  const preview = await previewCall(
    node.parts,
    TENANT,
    define,
    Buffer.from(JSON.stringify(PROFILE)),
    admin(node),
  )
  page.passed(words.leaves, preview.json)
  if (Object.keys(preview.withheld).length > 0)
    page.kept(words.withheld, listed(Object.keys(preview.withheld)))
  page.stopped(words.unknown, String(preview.unknown))
  await consentToBoth(node, preview.commitment)
}

/** All devices come in by the product's own client. */
export async function devicesComeIn({ page, words }: Stage, node: Node): Promise<void> {
  page.step(words.consent)
  const sum = await synchroniseDevices(node, TENANT, CONNECTION, (so) =>
    page.progress(`${so.kept} …`),
  )
  page.progressDone()
  if (isRefusal(sum)) throw new Error(sum.message)
  page.passed(String(sum.kept), words.devices)
  const withheld = Object.entries(sum.withheld).map(([item, count]) => `${item} (${count})`)
  if (withheld.length > 0) page.kept(words.notKept, listed(withheld))
}

/** The server defines a profile and assigns it, through the gateway. Answers the profile's id. */
export async function profileIsAssigned(stage: Stage, mdm: MdmClient): Promise<void> {
  const { page, words, apple } = stage
  page.step(words.assign)
  const defined = JSON.parse((await mdm.call('POST', '/profile', PROFILE)).body) as {
    profile_uuid: string
  }
  const devices = ['SYN0000001', 'SYN0000002', 'SYN0000003']
  const answer = await mdm.call('PUT', '/profile/devices', {
    profile_uuid: defined.profile_uuid,
    devices,
    requested_by: 'someone@example.org',
  })
  page.passed(words.sent, apple.received.at(-1)?.body.toString() ?? '')
  showAnswer(page, words, answer)
}

/** A field that came with a newer catalog waits for renewed consent. */
export async function newFieldWaits({ page, words, apple }: Stage, mdm: MdmClient): Promise<void> {
  page.step(words.grown)
  await mdm.call('POST', '/profile', PROFILE)
  const left = apple.received.at(-1)?.body.toString() ?? ''
  if (left.includes('is_return_to_service')) throw new Error('a field left that nobody agreed to')
  page.passed(words.leaves, left)
  page.kept(words.withheld, 'enrollmentProfile.isReturnToService: consent_lapsed')
}

/** Withdrawal stops the next call; renewed consent opens the gate again, now for the new field too. */
export async function withdrawnAndRenewed(
  { page, words, apple }: Stage,
  node: Node,
  mdm: MdmClient,
): Promise<void> {
  page.step(words.withdraw)
  await node.database.write(TENANT, (tx) => withdrawConsent(tx, OUT, admin(node)))
  showAnswer(page, words, await mdm.call('POST', '/profile', PROFILE))
  page.step(words.renewed)
  await consentToBoth(node)
  await mdm.call('POST', '/profile', PROFILE)
  page.passed(words.leaves, apple.received.at(-1)?.body.toString() ?? '')
}

/** Downloads the tenant's log over HTTP and verifies it with nothing but hashing. */
export async function ledgerIsVerified(
  { page, words }: Stage,
  node: Node,
  port: number,
): Promise<void> {
  page.step(words.verify)
  await node.sharing.outcomes.idle()
  await node.sequencer.settled()
  const folder = await mkdtemp(join(tmpdir(), 'sluss-audit-'))
  try {
    const token = await issueAuditorToken(node.parts, TENANT)
    await downloadLedger(`http://127.0.0.1:${port}/ledger/${TENANT}`, folder, token)
    const signer = await node.keys.signer('ledger')
    const verdict = await verifyFolder(
      folder,
      logKey(node.settings.ledgerName, TENANT, signer.publicKey),
    )
    if (verdict.findings.length > 0) throw new Error(words.unsound)
    const kinds = Object.entries(verdict.kinds).sort(([, a], [, b]) => b - a)
    page.passed(
      `${verdict.entries} ${words.entries}`,
      listed(
        kinds.map(([kind, count]) => `${count} ${kind}`),
        8,
      ),
    )
    page.passed(words.sound.split(':')[0] ?? '', words.sound.split(': ')[1] ?? '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function showAnswer(page: Page, words: Words, answer: MdmAnswer): void {
  if (answer.refusal !== undefined)
    page.stopped(words.refused, `${answer.status} ${answer.body} (${answer.refusal})`)
  else page.passed(words.answer, answer.body)
}
