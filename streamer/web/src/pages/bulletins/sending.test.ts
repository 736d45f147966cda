import { describe, expect, test } from 'vitest'

import { ApiError } from '../../api/client'
import { passing } from './sending'

const refused = (status: number, code = ''): boolean => passing(new ApiError(status, code, ''))

describe('what ends by itself', () => {
  test('a network that is away, a server that is busy, a piece that came twice', () => {
    expect([refused(0), refused(503), refused(429), refused(409, 'upload.offset')]).toEqual(Array(4).fill(true))
  })

  test('not what somebody has to look at', () => {
    expect([refused(409, 'changed'), refused(409, 'bulletin.is_approved'), refused(403)]).toEqual(Array(3).fill(false))
    expect(passing(new Error('a mistake of ours'))).toBe(false)
  })
})
