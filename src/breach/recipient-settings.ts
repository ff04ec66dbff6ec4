import type { PartyId } from '#catalog/catalog.ts'
import { INSTALLATION, type Reader } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import type { Keys } from '#keys/keys.ts'
import { type BreachParts, type By, byActor, record } from './parts.ts'

/** The team of the larger suite, which shares customers with the installation. */
export const SUITE = 'suite'
export const ROLES = ['suite', 'agent', 'recipient'] as const
export type CorrespondentRole = (typeof ROLES)[number]

/** Somebody who is told by signed webhook and answers in the same way. */
export interface Correspondent {
  /** A party, or `suite`. */
  readonly party: PartyId
  readonly role: CorrespondentRole
  readonly url: string
  readonly isOn: boolean
  /** With what we sign, and with what they sign; as Standard Webhooks writes them. */
  readonly ourSecret: string
  readonly theirSecret: string
}

interface Row {
  readonly party: string
  readonly role: CorrespondentRole
  readonly url: string
  readonly is_on: boolean
  readonly our_secret: Buffer
  readonly their_secret: Buffer
}

const place = (party: string, whose: 'our' | 'their') => `breach-correspondent/${party}/${whose}`

/**
 * Says where the party is told. Both secrets are made here and answered once, when the correspondent is new or new ones
 * are asked for; nothing else ever shows them.
 *
 * @returns `query_invalid` where only the suite team has the role `suite`
 */
export async function setCorrespondent(
  parts: Pick<BreachParts, 'database' | 'keys'>,
  given: Pick<Correspondent, 'party' | 'role' | 'url' | 'isOn'> & { readonly newSecrets: boolean },
  by: By,
): Promise<Pick<Correspondent, 'ourSecret' | 'theirSecret'> | true | Refusal> {
  const { party, role, url, isOn } = given
  if ((party === SUITE) !== (role === 'suite')) return refuse('query_invalid', { field: 'role' })
  const { keys } = parts
  return parts.database.write(INSTALLATION, async (tx) => {
    const known = await readCorrespondent(tx, keys, party)
    const isNew = !known || given.newSecrets
    const secrets = isNew
      ? { ourSecret: newWebhookSecret(), theirSecret: newWebhookSecret() }
      : known
    const seal = (whose: 'our' | 'their', secret: string) =>
      keys.sealForTenant(tx, place(party, whose), Buffer.from(secret))
    await tx.change(
      `insert into breach_correspondents (tenant_id, party, role, url, is_on, our_secret, their_secret, changed_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (tenant_id, party) do update set role = $3, url = $4, is_on = $5, our_secret = $6, their_secret = $7,
         changed_at = $8`,
      [
        tx.tenantId,
        party,
        role,
        url,
        isOn,
        await seal('our', secrets.ourSecret),
        await seal('their', secrets.theirSecret),
        new Date(by.now),
      ],
    )
    await record(tx, 'correspondent.changed', byActor(by), {
      party,
      role,
      on: isOn,
      secrets: isNew,
    })
    return isNew ? { ourSecret: secrets.ourSecret, theirSecret: secrets.theirSecret } : true
  })
}

/** From the installation's rows. */
export async function readCorrespondent(
  reader: Reader,
  keys: Keys,
  party: string,
): Promise<Correspondent | undefined> {
  const [row] = await reader.rows<Row>(
    `select party, role, url, is_on, our_secret, their_secret from breach_correspondents
      where tenant_id = $1 and party = $2`,
    [reader.tenantId, party],
  )
  if (!row) return undefined
  const open = async (whose: 'our' | 'their', sealed: Buffer) =>
    (await keys.openForTenant(reader, place(party, whose), sealed)).toString()
  return {
    party: row.party,
    role: row.role,
    url: row.url,
    isOn: row.is_on,
    ourSecret: await open('our', row.our_secret),
    theirSecret: await open('their', row.their_secret),
  }
}

/** All of them, without what nobody needs to see. */
export async function listCorrespondents(
  reader: Reader,
): Promise<readonly Pick<Correspondent, 'party' | 'role' | 'url' | 'isOn'>[]> {
  const rows = await reader.rows<Pick<Row, 'party' | 'role' | 'url' | 'is_on'>>(
    'select party, role, url, is_on from breach_correspondents where tenant_id = $1 order by party',
    [reader.tenantId],
  )
  return rows.map(({ party, role, url, is_on: isOn }) => ({ party, role, url, isOn }))
}
