const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^(${BYTE}\\.${BYTE}\\.${BYTE})\\.${BYTE}$`)
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

/**
 * The /24 of an IPv4 address, the /48 of an IPv6 address. An IPv4 address in IPv6 clothes
 * (`::ffff:192.0.2.1`) has its IPv4 network. An address with a zone is of one machine's link: it has none.
 */
export function networkOf(text: string): string | undefined {
  const start = IPV4.exec(MAPPED.exec(text)?.[1] ?? text)?.[1]
  if (start) return `${start}.0/24`
  const groups = expandIpv6(text)?.slice(0, 3)
  return groups && `${groups.map((group) => group.toString(16)).join(':')}::/48`
}

function expandIpv6(text: string): readonly number[] | undefined {
  if (!/^[0-9a-f:]{2,39}$/i.test(text)) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined
}
