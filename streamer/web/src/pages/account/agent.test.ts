import { expect, test } from 'vitest'

import { agentName } from './agent'

test('browsers and programs by their name', () => {
  expect(
    agentName('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0'),
  ).toBe('Edge, Windows')
  expect(agentName('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1')).toBe(
    'Safari, iPhone',
  )
  expect(agentName('loa/1.0')).toBe('loa/1.0')
  expect(agentName('')).toBe('?')
})
