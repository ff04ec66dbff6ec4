import { item } from './item.ts'

const NEVER = { personal: true, need: 'never', category: 'Never collected' } as const

/** What Google tells about a device that managing it does not need: it stops at the door and is counted. */
export const androidNeverItems = [
  item('never.androidUsage', 'what people do on an Android device: its usage log, apps, power and memory over time, location in lost mode', 'sensitive', 'text', [], NEVER),
  item('never.androidDetails', 'details of an Android device that managing it does not need: free text of apps, admins and settings, parts of its state', 'sensitive', 'text', [], NEVER),
  item('never.androidSecret', 'secrets in Android commands: passcodes, activation codes', 'sensitive', 'text', [], { ...NEVER, secret: true }),
]
