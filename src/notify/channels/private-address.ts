import { lookup as dnsLookup } from 'node:dns'
import { BlockList, type LookupFunction, isIP } from 'node:net'

/** Addresses that no public receiver has (IANA special-purpose registries): RFC 6890, 4193, 6598, 6052, 3056. */
const V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const
const V6 = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const

const blocked4 = new BlockList()
for (const [network, prefix] of V4) blocked4.addSubnet(network, prefix, 'ipv4')
const blocked6 = new BlockList()
for (const [network, prefix] of V6) blocked6.addSubnet(network, prefix, 'ipv6')

/** Whether the address leads into a machine or network of our own rather than to a public receiver. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return blocked4.check(address, 'ipv4')
  if (family === 6) return blocked6.check(address.split('%')[0] ?? '', 'ipv6')
  return true
}

/** Thrown by the look-up for a name that leads to a private address. */
export const PRIVATE_ADDRESS = 'EPRIVATEADDRESS'

/**
 * Looks a name up and hands on only public addresses. The connection is made to exactly what was checked here, so a
 * name that changes its address in between gains nothing.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (fault, found) => {
    if (fault) return callback(fault, '', 0)
    const [first] = found
    if (!first || found.some(({ address }) => isPrivateAddress(address)))
      return callback(
        Object.assign(new Error('the address is private'), { code: PRIVATE_ADDRESS }),
        '',
        0,
      )
    if (options.all) return callback(null, found)
    return callback(null, first.address, first.family)
  })
}
