/** Many wishes to load the same again, made one. */

/**
 * Return what may be called at every event: `run` follows a little later, once for all that came
 * meanwhile, and never while its last time is still under way. `stop` forgets what has not begun.
 */
export function together(run: () => unknown, after: number): { (): void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let busy = false
  let wanted = false

  async function begin(): Promise<void> {
    timer = undefined
    busy = true
    try {
      await run()
    } catch {
      // Whoever loads says what went wrong; the next event asks again.
    } finally {
      busy = false
      if (wanted) call()
    }
  }

  function call(): void {
    wanted = busy
    if (!busy) timer ??= setTimeout(() => void begin(), after)
  }

  call.stop = (): void => {
    clearTimeout(timer)
    timer = undefined
    wanted = false
  }
  return call
}
