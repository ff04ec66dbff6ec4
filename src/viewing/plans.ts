import { type Grant, grantState } from '#access/grants.ts'
import type { ViewFacts } from '#access/view-facts.ts'
import type { ItemId } from '#catalog/catalog.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import { keyedHash } from '#foundation/hashing.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { isSealed } from '#records/sealed.ts'
import { FACTS_CHANNEL, lockFactsVersion } from '#tenants/facts-version.ts'
import { readTenant } from '#tenants/tenant.ts'
import type { ViewingParts } from './parts.ts'
import { type ViewProjection, compileView } from './project.ts'
import { type ViewPlan, type ViewedItem, planView } from './view-plan.ts'
import { type Viewer, viewerFacts } from './viewer.ts'

const PLANS_IN_MEMORY = 2_000
const PSEUDONYM_BYTES = 18
/** The tenant's own people look in order to manage devices; support looks for what the grant was asked for. */
const OWN_PURPOSE = 'device-management'

/** A plan with what it takes to run it. */
export interface OpenPlan {
  readonly plan: ViewPlan
  readonly show: ReadonlyMap<string, ViewedItem['show']>
  readonly project: ViewProjection
  /** The facts version it was decided from. */
  readonly version: number
}

export interface Plans {
  /**
   * The plan for this viewer as the facts stand in this transaction, which holds them until it ends: planned once
   * per change of facts and kind of viewer, never per record.
   */
  open(tx: Transaction, viewer: Viewer, grant: Grant | undefined, now: number): Promise<OpenPlan>
  close(): Promise<void>
}

/** Plans for looking, remembered until the facts of their tenant move. */
export async function createPlans(parts: ViewingParts): Promise<Plans> {
  const plans = new BoundedCache<string, OpenPlan>(PLANS_IN_MEMORY)
  // What has grown old is also found by its version; this only frees the memory of plans nobody asks for.
  const stopListening = await parts.database.listen(FACTS_CHANNEL, (tenantId) => {
    if (tenantId === '*') plans.clear()
  })
  return {
    close: stopListening,
    open: async (tx, viewer, grant, now) => {
      const version = await lockFactsVersion(tx)
      const name = nameOf(tx.tenantId, viewer, grant, now)
      const known = plans.get(name)
      if (known?.version === version) return known
      const facts = await readViewFacts(parts, tx, viewer, grant, now)
      const plan = planView(parts, facts, {
        grantId: grant?.grantId,
        purpose: grant?.purpose ?? OWN_PURPOSE,
      })
      // A pseudonym is of one grant, or of the tenant's own people: what two of them saw does not join.
      const key = await parts.keys.pseudonymKey(tx, grant ? `grant/${grant.grantId}` : 'viewers')
      const made: OpenPlan = {
        plan,
        version,
        show: new Map(plan.items.map((item) => [item.item, item.show])),
        project: compileView(plan, keyedHash(key, PSEUDONYM_BYTES)),
      }
      plans.set(name, made)
      return made
    },
  }
}

/** The facts of one look. A reveal has no plan: it is asked for one item, see `reveal.ts`. */
export async function readViewFacts(
  parts: Pick<ViewingParts, 'catalog'>,
  reader: Reader,
  viewer: Viewer,
  grant: Grant | undefined,
  now: number,
  reveal?: { readonly purposeStated: boolean },
): Promise<ViewFacts> {
  const tenant = await readTenant(reader)
  const who = viewerFacts(viewer)
  return {
    tenantId: reader.tenantId,
    viewer: who,
    tenantOpen: tenant?.state === 'open',
    grant: {
      state: who.kind === 'support' ? stateOf(grant, now) : 'notNeeded',
      items: grant?.items ?? new Set(),
      ...(grant ? { exactItems: exactItemsOf(parts, grant) } : {}),
    },
    purposeStated: reveal?.purposeStated ?? false,
    action: reveal ? 'reveal' : 'view',
  }
}

/** A masked grant masks what names or reaches a person; plain facts have no mask, for anybody. */
function exactItemsOf({ catalog }: Pick<ViewingParts, 'catalog'>, grant: Grant): Set<ItemId> {
  if (grant.precision === 'exact') return new Set(grant.items)
  return new Set(
    [...grant.items].filter((id) => {
      const item = catalog.items.get(id)
      return item !== undefined && !isSealed(item)
    }),
  )
}

function stateOf(grant: Grant | undefined, now: number): ViewFacts['grant']['state'] {
  if (!grant) return 'missing'
  const state = grantState(grant, now)
  return state === 'inForce' ? 'inForce' : state === 'notStarted' ? 'missing' : 'ended'
}

/** Everything that the answer hangs on beside the version: the viewer's rights, and the grant with its state. */
function nameOf(tenantId: string, viewer: Viewer, grant: Grant | undefined, now: number): string {
  const who = viewerFacts(viewer)
  const rights = [who.mayRead, who.mayReadPersonal, who.mayReveal, who.maySeeSecrets].map(Number)
  const under = grant ? `${grant.grantId} ${stateOf(grant, now)}` : ''
  return `${tenantId} ${who.kind} ${rights.join('')} ${under}`
}
