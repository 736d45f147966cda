import { expect, test } from 'vitest'

import { deviceOf } from './device'

test('browsers say what they run on', () => {
  expect(deviceOf('Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140', false)).toBe('windows')
  expect(deviceOf('Mozilla/5.0 (Linux; Android 14) Chrome/140 Mobile', true)).toBe('android')
  expect(deviceOf('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)', true)).toBe('iphone')
  expect(deviceOf('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari', true)).toBe('iphone')
  expect(deviceOf('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari', false)).toBe('macos')
  expect(deviceOf('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0', false)).toBe('firefox')
  expect(deviceOf('Mozilla/5.0 (X11; Linux x86_64) Chrome/140', false)).toBe('linux')
})
