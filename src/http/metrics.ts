/** Counts of one node, for Prometheus. Labels are endpoints, statuses and reasons; never a tenant or a person. */
export interface Metrics {
  request(endpoint: string, status: number, milliseconds: number): void
  refusal(code: string): void
  /** Text exposition format 0.0.4. */
  text(): string
}

/** Upper bounds in seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 2.5, 10] as const

export function createMetrics(): Metrics {
  const requests = new Map<string, number>()
  const refusals = new Map<string, number>()
  const buckets = BUCKETS.map(() => 0)
  let seconds = 0
  let count = 0
  const add = (to: Map<string, number>, name: string): void => {
    to.set(name, (to.get(name) ?? 0) + 1)
  }
  return {
    request: (endpoint, status, milliseconds) => {
      add(requests, `endpoint="${endpoint}",status="${status}"`)
      count++
      seconds += milliseconds / 1_000
      BUCKETS.forEach((most, i) => {
        if (milliseconds / 1_000 <= most) buckets[i] = (buckets[i] ?? 0) + 1
      })
    },
    refusal: (code) => add(refusals, `code="${code}"`),
    text: () =>
      [
        '# HELP sluss_api_requests_total Calls of the API that were answered.',
        '# TYPE sluss_api_requests_total counter',
        ...lines('sluss_api_requests_total', requests),
        '# HELP sluss_api_refusals_total Calls of the API that were refused, by reason.',
        '# TYPE sluss_api_refusals_total counter',
        ...lines('sluss_api_refusals_total', refusals),
        '# HELP sluss_api_request_duration_seconds How long answers took.',
        '# TYPE sluss_api_request_duration_seconds histogram',
        ...BUCKETS.map(
          (most, i) => `sluss_api_request_duration_seconds_bucket{le="${most}"} ${buckets[i] ?? 0}`,
        ),
        `sluss_api_request_duration_seconds_bucket{le="+Inf"} ${count}`,
        `sluss_api_request_duration_seconds_sum ${seconds}`,
        `sluss_api_request_duration_seconds_count ${count}`,
        '',
      ].join('\n'),
  }
}

function lines(name: string, counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].map(([labels, count]) => `${name}{${labels}} ${count}`)
}
