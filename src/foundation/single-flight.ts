/** Work of which callers who ask for the same at the same time share one run. */
export interface SingleFlight<Result> {
  /**
   * The result of the run under way for `name` and `what`, or of a new one. A run that began before the caller asked
   * may have missed a change that the caller knows of: unless `suits` takes its result, the caller gets that of a run
   * which began afterwards. However many ask at once, that is one more run for all of them.
   */
  share(
    name: string,
    what: object,
    run: () => Promise<Result>,
    suits: (result: Result) => boolean,
  ): Promise<Result>
}

export function singleFlight<Result>(): SingleFlight<Result> {
  const flights = new Map<string, { readonly what: object; readonly result: Promise<Result> }>()
  const underWay = (name: string, what: object): Promise<Result> | undefined => {
    const flight = flights.get(name)
    return flight?.what === what ? flight.result : undefined
  }
  const begin = (name: string, what: object, run: () => Promise<Result>): Promise<Result> => {
    // Gone from the list before anybody gets its result: what they find there then began after they asked.
    const result = run().finally(() => {
      if (flights.get(name)?.result === result) flights.delete(name)
    })
    flights.set(name, { what, result })
    return result
  }
  return {
    share: async (name, what, run, suits) => {
      const before = underWay(name, what)
      if (before) {
        const result = await before
        if (suits(result)) return result
      }
      return underWay(name, what) ?? begin(name, what, run)
    },
  }
}
