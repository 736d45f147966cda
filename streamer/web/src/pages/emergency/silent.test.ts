import { expect, test } from 'vitest'

import { look, type Ask, type Heard } from './silent'

function server(not: string[], unreported: string[]): Ask {
  const of = { not, unreported }
  return async ({ outcome }) =>
    ({
      counts: { not: not.length, unreported: unreported.length },
      receivers: of[outcome].map((name) => ({ name })),
    }) as unknown as Heard
}

const names = async (ask: Ask): Promise<string[]> => (await look(ask)).silent.map(({ name }) => name)

test('other silent ones are named, though there are as many as before', async () => {
  expect(await names(server(['A'], ['B']))).toEqual(['A', 'B'])
  expect(await names(server(['C'], ['B']))).toEqual(['C', 'B'])
  expect(await names(server([], []))).toEqual([])
})
