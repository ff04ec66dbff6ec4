import { openNames, readAccountRow } from '#access/account.ts'
import type { PermissionId } from '#access/permission.ts'
import { INSTALLATION, type Reader } from '#database/handles.ts'
import { KeyDestroyed, type Keys } from '#keys/keys.ts'
import { readTenant } from '#tenants/tenant.ts'
import { contactOf, contactRecipient, reachableContacts, readContact } from './contacts.ts'
import type { About } from './notice.ts'
import { PRIVACY_CONTACT, type Audiences } from './parts.ts'

export interface AudienceParts {
  readonly keys: Keys
  /** Accounts of the handle's tenant that hold the permission now. */
  readonly holders: (reader: Reader, permission: PermissionId) => Promise<Iterable<string>>
}

/**
 * Works out who is told, from roles and accounts as they are at sending time. An address is opened only right
 * before something is sent to it. A tenant without a privacy contact is told through its administrators.
 */
export function createAudiences({ keys, holders }: AudienceParts): Audiences {
  const accounts = async (reader: Reader, ids: Iterable<string>) => {
    const active: { tenantId: string; recipient: string }[] = []
    for (const id of new Set(ids)) {
      const found = await readAccountRow(reader, id)
      if (found?.account.state === 'active' && found.account.kind === 'person')
        active.push({ tenantId: reader.tenantId, recipient: id })
    }
    return active
  }
  const administrators = async (reader: Reader) =>
    accounts(reader, await holders(reader, administratorsHold(reader)))
  return {
    of: async (reader, audience, about) => {
      switch (audience) {
        case 'approvers':
          return accounts(reader, await holders(reader, 'Support requests/Approve'))
        case 'administrators':
        case 'administratorsInCentre':
          return administrators(reader)
        case 'account':
          return accounts(reader, named(about, 'accountId'))
        case 'securityContacts':
          return (await reachableContacts(reader)).map((id) => ({
            tenantId: reader.tenantId,
            recipient: contactRecipient(id),
          }))
        case 'incidentHandlers':
          if (reader.tenantId !== INSTALLATION) return { realm: INSTALLATION }
          return accounts(reader, await holders(reader, 'Incidents/Handle'))
        case 'asker':
        case 'providerApprovers':
          if (reader.tenantId !== INSTALLATION) return { realm: INSTALLATION }
          return audience === 'asker'
            ? accounts(reader, named(about, 'askerId'))
            : accounts(reader, await holders(reader, 'Support access/Provider approve'))
        case 'privacyContact': {
          const contact = (await readTenant(reader))?.privacyContact
          return contact
            ? [{ tenantId: reader.tenantId, recipient: PRIVACY_CONTACT }]
            : administrators(reader)
        }
        default:
          return []
      }
    },
    addressOf: async (reader, recipient) => {
      if (recipient === PRIVACY_CONTACT) {
        const mail = (await readTenant(reader))?.privacyContact
        return mail === undefined ? undefined : { mail, language: undefined }
      }
      const contactId = contactOf(recipient)
      if (contactId !== undefined) return readContact(reader, keys, contactId)
      const found = await readAccountRow(reader, recipient)
      if (found?.account.state !== 'active') return undefined
      const names = await openNames(reader, keys, found.row).catch((thrown: unknown) => {
        if (thrown instanceof KeyDestroyed) return undefined
        throw thrown
      })
      return names?.mail === undefined
        ? undefined
        : { mail: names.mail, language: found.account.language }
    },
  }
}

const administratorsHold = (reader: Reader): PermissionId =>
  reader.tenantId === INSTALLATION ? 'Operator accounts/Manage' : 'Accounts/Manage'

const named = (about: About, member: string): readonly string[] => {
  const id = about[member]
  return typeof id === 'string' ? [id] : []
}
