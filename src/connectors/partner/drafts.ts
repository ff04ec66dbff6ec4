import { type PartnerDraft, partnerDescription } from '#catalog/partner-description.ts'
import { type ReadPartner, readPartner } from '#catalog/read-partner.ts'
import { chromeDraft, zebraDraft } from './drafts-of-makers.ts'
import {
  complianceDraft,
  mobileThreatDefenseDraft,
  teamViewerDraft,
} from './drafts-of-protectors.ts'

/**
 * What ships for parties that the facts name. Where the sources publish what is sent and not how, the names of members
 * and paths are Sluss's own and are to be replaced by those of the party's contract; the items are the facts'. Nothing
 * here is in force: an operator stores a description made from it.
 */
export const PARTNER_DRAFTS: readonly PartnerDraft[] = [
  zebraDraft,
  mobileThreatDefenseDraft,
  complianceDraft,
  teamViewerDraft,
  chromeDraft,
]

/**
 * Each draft with its shapes built, which `npm run flows` reads. Where a party's place is not known, one that is nobody's
 * stands for it.
 */
export const SHIPPED_PARTNERS: readonly ReadPartner[] = PARTNER_DRAFTS.map((draft) =>
  readPartner(
    partnerDescription.parse({
      hosts: ['https://partner.invalid'],
      auth: { kind: 'standardWebhooks' },
      ...draft,
    }),
  ),
)
