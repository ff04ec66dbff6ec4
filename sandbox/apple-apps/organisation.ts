import { randomBytes } from 'node:crypto'

export interface SandboxUser {
  readonly clientUserId: string
  readonly email?: string
  readonly managedAppleId?: string
  readonly idHash?: string
  readonly inviteCode?: string
  readonly status: 'Registered' | 'Associated' | 'Retired'
}
export interface SandboxAssignment {
  readonly adamId: string
  readonly pricingParam: string
  readonly clientUserId?: string
  readonly serialNumber?: string
}

/** What one call may name, as the service configuration says; tests make it smaller. */
export interface Limits {
  maxAssets: number
  maxClientUserIds: number
  maxSerialNumbers: number
  maxUsers: number
}

export function userOf(given: {
  clientUserId: string
  email?: string
  managedAppleId?: string
}): SandboxUser {
  const { clientUserId, email, managedAppleId } = given
  return {
    clientUserId,
    ...(email === undefined ? {} : { email }),
    ...(managedAppleId === undefined
      ? { inviteCode: randomBytes(16).toString('hex') }
      : { managedAppleId, idHash: randomBytes(20).toString('base64') }),
    status: managedAppleId === undefined ? 'Registered' : 'Associated',
  }
}
