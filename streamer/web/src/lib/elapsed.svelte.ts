/** Seconds that have passed since a moment of `performance.now()`, counted while it is shown. */
export class Elapsed {
  seconds = $state(0)

  constructor(since: () => number) {
    $effect(() => {
      const from = since()
      const count = (): void => {
        this.seconds = Math.max(0, Math.floor((performance.now() - from) / 1000))
      }
      count()
      const timer = setInterval(count, 250)
      return () => clearInterval(timer)
    })
  }
}
