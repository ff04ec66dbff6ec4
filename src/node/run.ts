/** The process was told to stop while it was starting. */
export class Stopped extends Error {
  constructor() {
    super('the process was told to stop')
    this.name = 'Stopped'
  }
}

/** What a process has started, from its first moment on. */
export interface Run {
  /**
   * Starts a part that is closed again when the process stops, the last one first.
   *
   * @throws Stopped when the process was told to stop meanwhile; the part is closed then
   */
  start<Part>(start: () => Promise<Part>, close: (part: Part) => Promise<void>): Promise<Part>
  stopping(): boolean
  stop(): Promise<void>
}

/** Stops in order on SIGINT and SIGTERM, however early they come: no database server is left behind. */
export function stopOnSignal(): Run {
  const open: (() => Promise<void>)[] = []
  let stopped: Promise<void> | undefined
  const closeAll = async (): Promise<void> => {
    for (let close = open.pop(); close; close = open.pop()) await close()
  }
  const stop = (): Promise<void> => {
    stopped ??= closeAll()
    return stopped
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())
  return {
    start: async (start, close) => {
      if (stopped) throw new Stopped()
      const starting = start()
      open.push(() =>
        starting.then(close, () => {
          // It never came up; whoever started it has the fault.
        }),
      )
      const part = await starting
      if (stopped) throw new Stopped()
      return part
    },
    stopping: () => stopped !== undefined,
    stop,
  }
}
