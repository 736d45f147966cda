import { beforeEach, expect, test, vi } from 'vitest'

type Asked = { method: string; path: string; body?: Record<string, unknown> }
const server = vi.hoisted(() => ({ asked: [] as Asked[], bulletin: {} as Record<string, unknown>, next: 1 }))

vi.mock('../../state/areas.svelte', () => ({
  areas: { get: (id: number) => ({ id }), lineage: (id: number) => [{ id: 9 }, { id }], below: () => [] },
}))
vi.mock('../../state/push.svelte', () => ({ push: { now: () => 0, totals: () => ({}) } }))
vi.mock('../../state/session.svelte', () => ({ session: { may: () => true } }))
vi.mock('../../api/client', () => {
  const answer = (method: string) => async (path: string, { body }: { body?: Record<string, unknown> } = {}) => {
    if (method !== 'GET') server.asked.push({ method, path, body })
    const bulletin = server.bulletin
    if (path === '/bulletins') {
      server.bulletin = { ...body, id: server.next++, version: 1, state: 'draft', audio: { state: 'none' } }
    } else if (path.endsWith('/copy')) {
      server.bulletin = { ...bulletin, ...body, targets: [body!.area], id: server.next++, version: 1, state: 'draft' }
    } else if (method === 'PATCH') server.bulletin = { ...bulletin, ...body }
    else if (path.endsWith('/speech')) server.bulletin = { ...bulletin, audio: { state: 'ready' } }
    else if (path.endsWith('/submit')) server.bulletin = { ...bulletin, state: 'submitted' }
    else if (path.endsWith('/approve')) server.bulletin = { ...bulletin, state: 'approved' }
    return { data: server.bulletin }
  }
  return {
    BASE: '', ApiError: Error, headers: () => ({}), ifMatch: () => ({}), refusal: Error,
    api: { GET: answer('GET'), POST: answer('POST'), PATCH: answer('PATCH') },
  }
})
const { Compose } = await import('./compose.svelte')

const paths = (): string[] => server.asked.map(({ method, path }) => `${method} ${path.replace('{bulletin}', 'x')}`)
const APPROVING = ['POST /bulletins/x/submit', 'POST /bulletins/x/approve']

async function made(): Promise<InstanceType<typeof Compose>> {
  const compose = new Compose()
  compose.source = 'text'
  compose.targets = new Set([1])
  compose.title = 'Lũ xã A'
  compose.text = 'Nước lên.'
  await compose.make(compose.title)
  expect(compose.message).toMatchObject({ id: 1, title: 'Lũ xã A', area: 1, targets: [1] })
  server.asked = []
  return compose
}

beforeEach(() => {
  server.asked = []
  server.next = 1
})

test('what was made is sent as it is', async () => {
  const compose = await made()
  await compose.approved()
  expect(paths()).toEqual(APPROVING)
})

test('renamed after it was made, it is sent under its new name', async () => {
  const compose = await made()
  compose.title = 'Lũ xã A, lần hai'
  expect(compose.name).toBe('Lũ xã A, lần hai')
  await compose.approved()
  expect(paths()).toEqual(['PATCH /bulletins/x', ...APPROVING])
  expect(server.bulletin).toMatchObject({ id: 1, title: 'Lũ xã A, lần hai', state: 'approved' })
})

test('for another area, it becomes one of that area, with the same sound', async () => {
  const compose = await made()
  compose.title = 'Lũ xã B'
  compose.targets = new Set([2])
  expect(await compose.approved()).toBe(2)
  expect(paths()).toEqual(['POST /bulletins/x/copy', 'PATCH /bulletins/x', ...APPROVING])
  expect(server.bulletin).toMatchObject({ area: 2, title: 'Lũ xã B', targets: [2], audio: { state: 'ready' } })
})

test('spoken anew for another area, it is another draft', async () => {
  const compose = await made()
  compose.targets = new Set([2])
  compose.text = 'Nước lên nhanh.'
  expect(compose.message).toBeNull()
  await compose.make(compose.title)
  expect(paths()).toEqual(['POST /bulletins', 'POST /bulletins/{bulletin}/speech'.replace('{bulletin}', 'x')])
  expect(compose.message).toMatchObject({ id: 2, area: 2, targets: [2] })
})

test('nobody is passed over where no second person is wanted', () => {
  const compose = new Compose()
  compose.asks(true)
  compose.override = true
  expect(compose.missing).toContain('reason')
  compose.asks(false)
  expect([compose.override, compose.missing.includes('reason')]).toEqual([false, false])
})

test('a correction is made in the area of what it corrects', () => {
  const compose = new Compose(5)
  compose.targets = new Set([1, 2])
  expect(compose.area?.id).toBe(5)
})
