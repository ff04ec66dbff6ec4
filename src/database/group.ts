/** Callers that wait at the same time share one commit. */
export interface GroupCommits<Item, Result> {
  /** Resolves once the commit that holds this item is durable. Rejects with that commit's fault. */
  submit(tenantId: string, item: Item): Promise<Result>
  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void>
}

export interface GroupOptions {
  /** Commits under way at once per tenant. One makes the largest groups: what arrives meanwhile is the next. */
  readonly inFlight?: number
  /** Most items of one commit. */
  readonly largest?: number
  /** Most items waiting per tenant; beyond it `submit` rejects. */
  readonly waiting?: number
}

export class TooManyWaiting extends Error {
  constructor() {
    super('too many callers wait for a commit')
    this.name = 'TooManyWaiting'
  }
}

interface Caller<Item, Result> {
  readonly item: Item
  resolve(result: Result): void
  reject(fault: unknown): void
}

/**
 * Groups items per tenant into transactions. `commit` makes one of them durable and answers one result per item,
 * in order; when it throws, nothing of the group happened and every caller of it is told. Per-item refusals are
 * therefore results.
 */
export function groupCommits<Item, Result>(
  commit: (tenantId: string, items: readonly Item[]) => Promise<readonly Result[]>,
  options: GroupOptions = {},
): GroupCommits<Item, Result> {
  const { inFlight = 1, largest = 512, waiting = 20_000 } = options
  const queues = new Map<
    string,
    { waiting: Caller<Item, Result>[]; underWay: number; gathering: boolean }
  >()
  let idlers: (() => void)[] = []

  const run = async (tenantId: string): Promise<void> => {
    const queue = queues.get(tenantId)
    if (!queue) return
    queue.gathering = false
    if (queue.waiting.length === 0) return
    const group = queue.waiting.splice(0, largest)
    queue.underWay++
    try {
      const results = await commit(
        tenantId,
        group.map((caller) => caller.item),
      )
      if (results.length !== group.length) throw new Error('a group answers one result per item')
      group.forEach((caller, i) => caller.resolve(results[i] as Result))
    } catch (fault) {
      for (const caller of group) caller.reject(fault)
    } finally {
      queue.underWay--
      gather(tenantId)
    }
  }

  const gather = (tenantId: string): void => {
    const queue = queues.get(tenantId)
    if (!queue) return
    if (queue.waiting.length === 0) {
      if (queue.underWay === 0) {
        queues.delete(tenantId)
        if (queues.size === 0) {
          for (const resolve of idlers) resolve()
          idlers = []
        }
      }
      return
    }
    if (queue.underWay >= inFlight || queue.gathering) return
    queue.gathering = true
    // A turn of the loop lets everybody who is about to ask join this group.
    setImmediate(() => void run(tenantId))
  }

  return {
    submit: (tenantId, item) =>
      new Promise((resolve, reject) => {
        let queue = queues.get(tenantId)
        if (!queue) {
          queue = { waiting: [], underWay: 0, gathering: false }
          queues.set(tenantId, queue)
        }
        if (queue.waiting.length >= waiting) {
          reject(new TooManyWaiting())
          return
        }
        queue.waiting.push({ item, resolve, reject })
        gather(tenantId)
      }),
    idle: () =>
      queues.size === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve)),
  }
}
