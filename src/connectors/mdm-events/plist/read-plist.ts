import { isUtf8 } from 'node:buffer'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { isBinary, readBinary } from './binary.ts'
import { PlistFault, type PlistValue } from './value.ts'
import { readXml } from './xml.ts'

/**
 * A property list in XML or binary, within bounds of depth and size.
 *
 * @returns `body_malformed` for anything else
 */
export function readPlist(bytes: Buffer): PlistValue | Refusal {
  try {
    if (isBinary(bytes)) return readBinary(bytes)
    if (!isUtf8(bytes)) return malformed()
    return readXml(bytes.toString('utf8').replace(/^\uFEFF/, ''))
  } catch (fault) {
    // RangeError: an offset that leads outside the bytes. Anything else is a fault of ours.
    if (fault instanceof PlistFault || fault instanceof RangeError) return malformed()
    throw fault
  }
}

function malformed(): Refusal {
  return refuse('body_malformed', { expected: 'plist' })
}
