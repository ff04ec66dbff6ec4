/**
 * Why an address is not taken as a party's place, or undefined. Names that lead to a private address after all are
 * caught when they are looked up, at the connection.
 */
export function whyNotHost(address: string, allowLoopback: boolean): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url || url.origin !== address) return 'scheme, host and port, and nothing behind them'
  const { hostname, protocol } = url
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (here && allowLoopback) return undefined
  if (protocol !== 'https:') return 'https'
  // The parser writes every form of an IPv4 address as four numbers, and an IPv6 address in brackets.
  if (/^[\d.]+$|^\[/.test(hostname)) return 'a name, not an address'
  if (!hostname.includes('.') || INSIDE.test(hostname)) return 'a public name'
  return undefined
}

/** Names that lead nowhere in public (RFC 6761, 6762, 8375; `internal` by ICANN), or only inside a network. */
const INSIDE =
  /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|private|corp|home|lan|home\.arpa|onion)\.?$/
