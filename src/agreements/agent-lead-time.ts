/** From the listing to the first use, where data of the customer is touched. */
export const CUSTOMER_DATA_LEAD_IN_MONTHS = 6
/** The same for other personal data: what the service makes itself, or knows of the admins. */
export const OTHER_DATA_LEAD_IN_DAYS = 30

const DAY_IN_MS = 86_400_000

/**
 * Categories of the catalog that are not data of the customer. Every other category is, and so is one that the
 * catalog does not have yet: what nobody classed waits longest.
 */
const OTHER_DATA: ReadonlySet<string> = new Set([
  'Access control information',
  'Admin and account information',
  'Admin usage data from across all Intune tenants',
  'Audit log information',
  'Support information',
  'Tenant account information',
  'Microsoft generated user information',
  'Hardware and software information',
  'Service events and error information',
  'Company Portal events',
  'Performance measurement',
])

export function isCustomerData(dataCategory: string): boolean {
  return !OTHER_DATA.has(dataCategory)
}

/** When the lead time of a category that is announced at `at` is over. Milliseconds since 1970. */
export function leadTimeOver(dataCategory: string, at: number): number {
  return isCustomerData(dataCategory)
    ? addMonths(at, CUSTOMER_DATA_LEAD_IN_MONTHS)
    : at + OTHER_DATA_LEAD_IN_DAYS * DAY_IN_MS
}

/**
 * The same day and time of day `months` calendar months later, in UTC. Where that month is too short, its last
 * day: 31 August and six months are 28 February, or 29 in a leap year.
 */
export function addMonths(at: number, months: number): number {
  const from = new Date(at)
  const first = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1)
  const lastDay = new Date(
    Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0),
  ).getUTCDate()
  const day = Math.min(from.getUTCDate(), lastDay)
  const timeOfDay = ((at % DAY_IN_MS) + DAY_IN_MS) % DAY_IN_MS
  return first + (day - 1) * DAY_IN_MS + timeOfDay
}
