/**
 * How exact a value is when it is kept, looked at or sent. The order lives in `minimisation/precision.ts`;
 * the names live here because every item of the catalog lists the ones it allows.
 *
 * - `exact`          the value itself
 * - `truncate:n`     the first n characters
 * - `round:n`        a number to the nearest multiple of n
 * - `bucket:a,b,c`   a number as the interval of the ascending bounds it falls in, such as `a-b`
 * - `domain`         of an e-mail address or URL, the domain only
 * - `day`, `month`   of a time, the calendar day or month in UTC
 * - `network`        of an IP address, its /24 (IPv4) or /48 (IPv6)
 * - `pseudonym`      a keyed name that differs per tenant and per recipient
 * - `threshold:n`    whether a number is at least n, instead of the number
 * - `withheld`       nothing
 */
export type Precision =
  | 'exact'
  | `truncate:${number}`
  | `round:${number}`
  | `bucket:${string}`
  | 'domain'
  | 'day'
  | 'month'
  | 'network'
  | 'pseudonym'
  | `threshold:${number}`
  | 'withheld'
