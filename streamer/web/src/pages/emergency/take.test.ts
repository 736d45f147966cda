import { afterEach, expect, test, vi } from 'vitest'

vi.mock('../../state/push.svelte', () => ({ push: { now: () => 7 } }))
const { Take } = await import('./take.svelte')

class Recorder {
  static all: Recorder[] = []
  static isTypeSupported = (): boolean => true
  state = 'inactive'
  mimeType = 'audio/webm'
  ondataavailable = (_: { data: Blob }): void => {}
  onstop = (): void => {}
  constructor() {
    Recorder.all.push(this)
  }
  start(): void {
    this.state = 'recording'
  }
  stop(): void {
    this.state = 'inactive'
    this.onstop()
  }
}

/** A browser that asks: answer it with `allow`. */
function browser(): { allow: () => Promise<void>; open: () => number } {
  Recorder.all = []
  const asked: ((sound: unknown) => void)[] = []
  let open = 0
  const getUserMedia = (): Promise<unknown> => new Promise((answer) => asked.push(answer))
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } })
  vi.stubGlobal('MediaRecorder', Recorder)
  return {
    allow: async () => {
      open += 1
      asked.shift()!({ getTracks: () => [{ stop: () => (open -= 1) }] })
      await Promise.resolve()
      await Promise.resolve()
    },
    open: () => open,
  }
}

afterEach(() => vi.unstubAllGlobals())

test('who leaves while the browser asks is not recorded', async () => {
  const { allow, open } = browser()
  const take = new Take(() => expect.fail())
  const began = take.begin()
  take.end()
  await allow()
  expect(await began).toBe(true)
  expect([Recorder.all.length, open(), take.phase]).toEqual([0, 0, 'idle'])
})

test('pressed twice, it records once, and lets go of the microphone', async () => {
  const { allow, open } = browser()
  const done = vi.fn()
  const take = new Take(done)
  const both = Promise.all([take.begin(), take.begin()])
  await allow()
  await both
  expect([Recorder.all.length, open(), take.phase]).toEqual([1, 1, 'recording'])
  take.end()
  expect([done.mock.calls.length, open(), take.phase]).toEqual([1, 0, 'idle'])
})
