/** One page of devices, with the cursor that is kept in the same commit as they are. */
export interface DeviceBatch {
  readonly phase: 'fetch' | 'sync'
  /** Records as they came, still unminimised; the newest of each serial number only. */
  readonly records: readonly unknown[]
  readonly cursor: string
  /** False when there is more to ask for. */
  readonly complete: boolean
}

/** Answer to one call: its success body, or the code that the party gave. */
export type PageAnswer = { readonly page: unknown } | { readonly code: string }

/** Makes the call `apple.dep.fetchDevices` or `apple.dep.syncDevices` through the door out. */
export type AskPage = (
  exchangeId: string,
  body: { cursor?: string; limit: number },
) => Promise<PageAnswer>

const PAGE_SIZE = 1_000
const MOST_RESTARTS = 2

export interface Position {
  readonly phase: 'fetch' | 'sync'
  readonly cursor: string | undefined
}

/**
 * Walks through an account's devices: fetch to the end, then sync from the last cursor. Nothing more is asked
 * for before the consumer has taken the batch and committed its cursor.
 *
 * Cursor rules (protocols facts, apple_dep.cursorRules): an exhausted cursor on fetch means go on with sync; an
 * expired or invalid one means start again with none.
 *
 * @throws Error naming the party's code when it refuses otherwise
 */
export async function* deviceBatches(ask: AskPage, start: Position): AsyncGenerator<DeviceBatch> {
  let { phase, cursor } = start
  let restarts = 0
  for (;;) {
    const body = cursor === undefined ? { limit: PAGE_SIZE } : { cursor, limit: PAGE_SIZE }
    const answer = await ask(
      phase === 'fetch' ? 'apple.dep.fetchDevices' : 'apple.dep.syncDevices',
      body,
    )
    if ('code' in answer) {
      if (answer.code === 'EXHAUSTED_CURSOR') {
        if (phase === 'sync') return
        phase = 'sync'
        continue
      }
      const startAgain = ['EXPIRED_CURSOR', 'INVALID_CURSOR', 'CURSOR_REQUIRED'].includes(
        answer.code,
      )
      if (!startAgain || ++restarts > MOST_RESTARTS)
        throw new Error(`the device list is refused: ${answer.code}`)
      phase = 'fetch'
      cursor = undefined
      continue
    }
    const page = readPage(answer.page)
    const finished = phase === 'sync' && !page.more
    yield { phase, records: newestOfEach(page.devices), cursor: page.cursor, complete: finished }
    cursor = page.cursor
    if (finished) return
    if (!page.more) phase = 'sync'
  }
}

function readPage(page: unknown): { devices: readonly unknown[]; cursor: string; more: boolean } {
  const { devices, cursor, more_to_follow: more } = (page ?? {}) as Record<string, unknown>
  if (typeof cursor !== 'string' || (devices !== undefined && !Array.isArray(devices))) {
    throw new Error('a page of devices has no cursor or no list')
  }
  return { devices: devices ?? [], cursor, more: more === true }
}

/** A sync may name a device several times: the latest operation wins (later in the list on a tie). */
function newestOfEach(devices: readonly unknown[]): readonly unknown[] {
  const newest = new Map<unknown, unknown>()
  for (const device of devices) {
    const { serial_number: serial, op_date: date } = (device ?? {}) as Record<string, unknown>
    const known = newest.get(serial) as { op_date?: unknown } | undefined
    if (!known || String(date ?? '') >= String(known.op_date ?? '')) newest.set(serial, device)
  }
  return [...newest.values()]
}
