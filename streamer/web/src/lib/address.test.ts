import { expect, test } from 'vitest'

import { ownAddress } from './address'

test('only addresses of our own', () => {
  expect(ownAddress('/studio?area=1#x')).toBe('/studio?area=1#x')
  for (const bad of [null, '', 'studio', '//evil.example', '/\\evil.example', 'https://evil.example/', 'javascript:alert(1)', '/\t/evil.example']) {
    expect(ownAddress(bad)).toBe('/')
  }
})
