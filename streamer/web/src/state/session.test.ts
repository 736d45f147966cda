import { expect, test, vi } from 'vitest'

import { api, ApiError, credentials } from '../api/client'
import { session } from './session.svelte'

const me = { login: 'mai', csrf: 'x', language: null, scopes: [], grants: [] }
vi.spyOn(api, 'GET').mockResolvedValue({ data: me } as never)
const post = vi.spyOn(api, 'POST')

function refuses(status: number): void {
  post.mockImplementation((async () => {
    if (status === 401) credentials.ended()
    throw new ApiError(status, 'x', 'refused')
  }) as never)
}

test('who cannot be signed out for want of a network is still there, and told', async () => {
  await session.load()
  refuses(0)
  await expect(session.signOut()).rejects.toThrow('refused')
  expect(session.me?.login).toBe('mai')
  expect(session.lapsed).toBe(false)
})

test('signing out of a session that has ended already asks for no password', async () => {
  await session.load()
  refuses(401)
  await session.signOut()
  expect(session.me).toBe(null)
  expect(session.lapsed).toBe(false)
  credentials.ended()
  expect(session.lapsed).toBe(false)
})
