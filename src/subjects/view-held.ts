import type { Reader } from '#database/handles.ts'
import type { HeldRecord } from '#foundation/personal-data-holder.ts'
import { KeyDestroyed } from '#keys/keys.ts'
import type { Holder } from './parts.ts'

/** What a room holds of a subject; nothing of one whose key is destroyed, though its rows may wait to be removed. */
export function heldOf(
  holder: Holder,
  reader: Reader,
  subjectId: string,
): Promise<readonly HeldRecord[]> {
  return unlessErased(() => holder.exportFor(reader, subjectId), [])
}

/** What `read` answers, or `instead` where it meets a destroyed key. */
export async function unlessErased<Result>(
  read: () => Promise<Result>,
  instead: Result,
): Promise<Result> {
  try {
    return await read()
  } catch (fault) {
    if (fault instanceof KeyDestroyed) return instead
    throw fault
  }
}
