/** Median and spread over the rounds of one run. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/**
 * One measured line. On a shared machine only `ratio` means anything: ours against the reference, taken
 * round by round in the same run.
 */
export interface BenchResult {
  readonly name: string
  readonly unit: string
  readonly ours: Spread
  /** What `ratio` compares with, in words. */
  readonly reference: string
  readonly ratio: Spread
  /** The least that the median ratio may be. */
  readonly bar?: number
}

/** @throws RangeError when there is nothing to take the median of */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (low === undefined || high === undefined || min === undefined || max === undefined)
    throw new RangeError('no values')
  return { median: (low + high) / 2, min, max }
}

/** Whether the bar is met; undefined where there is none. */
export function meetsBar(result: BenchResult): boolean | undefined {
  return result.bar === undefined ? undefined : result.ratio.median >= result.bar
}

/** Prints the results as a table, one line each, with what the ratios refer to below. */
export function printResults(
  results: readonly BenchResult[],
  write: (text: string) => void = (text) => process.stdout.write(text),
): void {
  const rows = results.map(({ name, unit, ours, ratio, bar, ...rest }) => {
    const met = meetsBar({
      name,
      unit,
      ours,
      ratio,
      ...rest,
      ...(bar === undefined ? {} : { bar }),
    })
    const verdict = met === undefined ? '' : met ? `>= ${bar}` : `BELOW ${bar}`
    return [name, `${short(ours.median)} ${unit}`, figures(ratio), verdict]
  })
  const header = ['what', 'median', 'ratio (min..max)', 'bar']
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  )
  for (const row of [header, ...rows])
    write(
      `${row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
  for (const reference of new Set(results.map((result) => result.reference)))
    write(`ratio: to ${reference}\n`)
}

function figures({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`
}

function short(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
