/** A device of the stand-in's account. Everything in it is made up; people are at example.org. */
export interface SandboxDevice {
  serial_number: string
  model: string
  description: string
  color: string
  asset_tag: string
  profile_status: 'empty' | 'assigned' | 'pushed' | 'removed'
  profile_uuid?: string
  profile_assign_time?: string
  device_assigned_date: string
  device_assigned_by: string
  device_family: string
  os: string
  mdm_migration_deadline?: string
}

const MODELS = [
  ['iPhone 16', 'iPhone', 'iOS', 'IPHONE 16 128GB'],
  ['iPad Air', 'iPad', 'iPadOS', 'IPAD AIR 11 WI-FI'],
  ['MacBook Air', 'Mac', 'OSX', 'MBA 13.6 16GB'],
  ['Apple TV 4K', 'AppleTV', 'tvOS', 'APPLE TV 4K'],
] as const
const COLORS = ['BLACK', 'SILVER', 'BLUE', 'STARLIGHT']

/** The same list every time: serial numbers SYN0000001 and up. */
export function syntheticDevices(count: number): SandboxDevice[] {
  return Array.from({ length: count }, (_, i) => {
    const [model, family, os, description] = MODELS[i % MODELS.length] ?? MODELS[0]
    return {
      serial_number: `SYN${String(i + 1).padStart(7, '0')}`,
      model,
      description,
      color: COLORS[i % COLORS.length] ?? 'BLACK',
      asset_tag: `ASSET-${1000 + i}`,
      profile_status: 'empty',
      device_assigned_date: new Date(Date.UTC(2026, i % 12, 1 + (i % 28), 9))
        .toISOString()
        .replace('.000', ''),
      device_assigned_by: `person${(i % 7) + 1}@example.org`,
      device_family: family,
      os,
      mdm_migration_deadline: '2027-06-30T00:00:00Z',
    }
  })
}
