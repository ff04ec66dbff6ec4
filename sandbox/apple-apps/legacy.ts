import { type Answer, fail, ok } from './answer.ts'
import type { createService } from './service.ts'

type Service = ReturnType<typeof createService>

/** The legacy services as far as they are read: token in the body, counts and names of before. */
export function legacyAnswer(
  service: Service,
  name: string,
  body: Record<string, unknown>,
): Answer {
  const common = { status: 0, uId: '2049025000431439', expirationMillis: 1_898_103_480_266 }
  const users = service.users.map((user, i) => ({
    clientUserIdStr: user.clientUserId,
    ...(user.email === undefined ? {} : { email: user.email }),
    ...(user.inviteCode === undefined ? {} : { inviteCode: user.inviteCode }),
    status: user.status,
    userId: 100_000 + i,
  }))
  switch (name) {
    case 'VPPClientConfigSrv':
      return ok({
        ...common,
        appleId: 'content-manager@example.org',
        countryCode: 'SE',
        email: 'content-manager@example.org',
        facilitatorMemberId: '778899',
        location: { locationId: 22, locationName: 'Example site' },
        organizationId: 2_000_000_001_630_588,
        organizationIdHash: '0420773f',
      })
    case 'getVPPUserSrv':
      return ok({
        ...common,
        user: users.find((one) => one.clientUserIdStr === body.clientUserIdStr),
      })
    case 'getVPPUsersSrv':
      return ok({ ...common, totalCount: users.length, users })
    case 'getVPPLicensesSrv':
      return ok({
        ...common,
        totalCount: service.assignments.length,
        licenses: service.assignments.map((one, i) => ({
          adamIdStr: one.adamId,
          licenseId: 9_000 + i,
          licenseIdStr: String(9_000 + i),
          isIrrevocable: false,
          pricingParam: one.pricingParam,
          ...(one.clientUserId === undefined ? {} : { clientUserIdStr: one.clientUserId }),
          ...(one.serialNumber === undefined ? {} : { serialNumber: one.serialNumber }),
          status: 'Associated',
        })),
      })
    case 'getVPPAssetsSrv':
      return ok({
        ...common,
        assets: [...service.assets.values()].map((one) => ({
          adamIdStr: one.adamId,
          deviceAssignable: true,
          isIrrevocable: false,
          pricingParam: one.pricingParam,
          productTypeId: 8,
          productTypeName: 'Application',
          totalCount: one.total,
        })),
      })
    default:
      return fail(200, 9726)
  }
}

/** What an app is, as the metadata service tells it. */
export function metadataOf(ids: readonly string[]): Answer {
  const results = ids.map((id) => [
    id,
    {
      artwork: { url: `https://example.org/icon/${id}.png` },
      bundleId: `org.example.app${id}`,
      copyright: '© Example',
      description: { standard: 'A synthetic app' },
      genreNames: ['Business'],
      genres: [{ name: 'Business', genreId: '6000' }],
      id,
      name: `App ${id}`,
      url: `https://example.org/app/${id}`,
      offers: [{ price: 0 }],
    },
  ])
  return ok({ results: Object.fromEntries(results), version: 2 })
}
