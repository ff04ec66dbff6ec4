/** Whole numbers that stay exact when something is added to them or they are doubled. */
export function isWhole(value: string | number | boolean): value is number {
  return Number.isInteger(value) && Math.abs(value as number) <= 2 ** 52
}

/** The nearest multiple of `step`, halves upward, in exact integer steps. */
export function roundTo(value: number, step: number): number {
  const over = value % step
  const nearest = value - over + (2 * over >= step ? step : 2 * over < -step ? -step : 0)
  return nearest + 0
}

/** `<a`, `a-b` with both ends included, or `>=c`. Bounds ascend. */
export function bucketOf(value: number, bounds: readonly number[]): string {
  const above = bounds.findIndex((bound) => value < bound)
  if (above === 0) return `<${bounds[0]}`
  if (above < 0) return `>=${bounds.at(-1)}`
  return `${bounds[above - 1]}-${(bounds[above] ?? 0) - 1}`
}
