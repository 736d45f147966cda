import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { together } from './together'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('five hundred events are one load', async () => {
  const load = vi.fn()
  const call = together(load, 700)
  for (let n = 0; n < 500; n++) call()
  expect(load).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(5000)
  expect(load).toHaveBeenCalledTimes(1)
})

test('what happens while it loads is loaded once more, afterwards', async () => {
  const load = vi.fn(() => new Promise((done) => setTimeout(done, 1000)))
  const call = together(load, 700)
  call()
  await vi.advanceTimersByTimeAsync(800)
  for (let n = 0; n < 500; n++) call()
  await vi.advanceTimersByTimeAsync(600)
  expect(load).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(5000)
  expect(load).toHaveBeenCalledTimes(2)
})

test('a load that fails does not end it, and a page that is left does', async () => {
  const load = vi.fn(() => Promise.reject(new Error('away')))
  const call = together(load, 700)
  call()
  await vi.advanceTimersByTimeAsync(800)
  call()
  await vi.advanceTimersByTimeAsync(800)
  expect(load).toHaveBeenCalledTimes(2)
  call()
  call.stop()
  await vi.advanceTimersByTimeAsync(5000)
  expect(load).toHaveBeenCalledTimes(2)
})
