import { expect, test } from 'vitest'
import { Book, changesTree, type Item } from './onair'

const item = (more: Partial<Item> = {}): Item => ({
  kind: 'bulletin', title: 'Tin', class: 'routine', since: null, until: null, why: 'slot', origin: 1,
  origin_name: 'Tỉnh', live: null, bulletin: 1, entry: null, emergency: null, drill: false, began: null,
  ...more,
})

test('a snapshot replaces, a change adds, zeros are nothing', () => {
  const book = new Book()
  book.take({ at: 0, items: { 1: item() }, areas: { 5: [1, 2, 3, 3, 1, 1], 6: [0, 0, 1, 0, 0, 0] } }, true)
  expect(book.of(5)).toMatchObject({ number: 1, listeners: 2, receivers: 3, playing: 1, silent: 1 })
  book.take({ at: 1, items: { 2: item({ kind: 'live', live: '7.1' }) }, areas: { 6: [2, 0, 1, 1, 0, 0] } }, false)
  expect(book.of(6).item?.live).toBe('7.1')
  expect(book.totals()).toMatchObject({ areas: 2, lives: 1, listeners: 2, receivers: 4, online: 4 })
  book.take({ at: 2, areas: { 5: [0, 0, 0, 0, 0, 0] } }, false)
  expect(book.of(5)).toMatchObject({ item: null, receivers: 0 })
  book.take({ at: 3 }, true)
  expect(book.totals().areas).toBe(0)
})

test('levels are by item', () => {
  const book = new Book()
  book.take({ at: 0, levels: { 4: -18.2 } }, false)
  expect([book.level(4), book.level(5)]).toEqual([-18.2, null])
})

test('items that nobody carries are forgotten', () => {
  const book = new Book()
  for (let n = 1; n <= 600; n += 1) {
    book.take({ at: n, items: { [n]: item({ title: `${n}` }) }, areas: { 1: [n, 0, 0, 0, 0, 0] } }, false)
  }
  expect(book.of(1).item?.title).toBe('600')
  expect([...book.carrying(() => true)]).toEqual([1])
})

test('the tree is loaded again only where it may be another one', () => {
  const changes = (kind: string): boolean => changesTree({ kind, area: 1, subject: 'area/1' })
  for (const kind of ['area.created', 'area.renamed', 'area.moved', 'area.merged', 'area.imported']) {
    expect(changes(kind)).toBe(true)
  }
  for (const kind of ['area.policy', 'area.receivers', 'area.dead_zone', 'slot.changed']) {
    expect(changes(kind)).toBe(false)
  }
})
