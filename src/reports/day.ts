const DAY_IN_MS = 86_400_000

/** The calendar day in UTC of a time in milliseconds since 1970, whatever the zone of anybody: `2030-01-31`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** Midnight at which the day begins, in milliseconds since 1970. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`)
}

export function dayAfter(day: string, days = 1): string {
  return dayOf(startOfDay(day) + days * DAY_IN_MS)
}

/** The first day of its month. */
export function monthOf(day: string): string {
  return `${day.slice(0, 8)}01`
}
