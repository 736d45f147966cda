import { expect, test } from 'vitest'

import { httpsCommand, secureAddress } from './https.svelte'

const at = { hostname: 'loa.lan', pathname: '/studio' }

test('the name in the address bar stays where the certificate has it', () => {
  const state = { port: 8443, names: ['dai.lan', 'loa.lan'], fingerprint: 'AB' }
  expect(secureAddress(state, at)).toBe('https://loa.lan:8443/studio')
  expect(secureAddress(state, { ...at, hostname: '10.0.0.5' })).toBe('https://dai.lan:8443/studio')
})

test('a server with a certificate of its own is called as it is; without TLS there is no address', () => {
  expect(secureAddress({ port: 443, names: [], fingerprint: null }, at)).toBe('https://loa.lan/studio')
  expect(secureAddress({ port: null, names: [], fingerprint: null }, at)).toBe('')
  expect(secureAddress({ port: 8443, names: ['fd00::1'], fingerprint: 'AB' }, at)).toBe(
    'https://[fd00::1]:8443/studio',
  )
})

test('the command names the server as people call it', () => {
  expect(httpsCommand('dai.lan')).toBe('loa https --name dai.lan')
  expect(httpsCommand('192.168.1.10')).toBe('loa https --name loa.local')
})
