/** Calls a second: so many callers at once, each for so long, one call after the other. `turn` counts over all of them. */
export async function rate(
  callers: number,
  milliseconds: number,
  call: (turn: number) => Promise<unknown>,
): Promise<number> {
  let done = 0
  let turn = 0
  const began = performance.now()
  const end = began + milliseconds
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < end) {
        await call(turn++)
        done++
      }
    }),
  )
  return (done / (performance.now() - began)) * 1_000
}
