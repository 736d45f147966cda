import { expect, test } from 'vitest'

import { OggReader } from '../listen/ogg'
import { FLOOR, Loudness } from './loudness'
import { lastGranule, OggWriter, PRE_SKIP } from './ogg'
import { FRAME, frameMs, isOneFrame, RATE } from './opus'
import { audio, pcm16 } from './protocol'
import { wavHeader } from './recording'

function sine(level: number, hertz = 997): Float32Array {
  const peak = 10 ** (level / 20)
  return Float32Array.from({ length: RATE }, (_, at) => peak * Math.sin((2 * Math.PI * hertz * at) / RATE))
}

function measured(samples: Float32Array): ReturnType<Loudness['read']> {
  const loudness = new Loudness()
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) loudness.add(samples.subarray(at, at + FRAME))
  return loudness.read()
}

test('a sine of 997 Hz has the loudness that the standard says: 3.01 below its peak', () => {
  for (const level of [-6, -20, -40]) {
    const found = measured(sine(level))
    expect(found.lufs).toBeCloseTo(level - 3.01, 1)
    expect(found.peak).toBeCloseTo(level, 1)
    expect(found.clipped).toBe(false)
  }
  expect(measured(sine(-20, 50)).lufs).toBeLessThan(-25)
})

test('silence is the floor, full scale is clipping, and both are forgotten once read', () => {
  expect(measured(new Float32Array(RATE))).toEqual({ lufs: FLOOR, peak: FLOOR, clipped: false })
  const loudness = new Loudness()
  loudness.add(new Float32Array(FRAME).fill(1))
  expect(loudness.read().clipped).toBe(true)
  expect(loudness.read()).toMatchObject({ clipped: false, peak: FLOOR })
})

test('only one frame of 20 ms in a packet will do', () => {
  const of = (config: number, code = 0): Uint8Array => new Uint8Array([(config << 3) | code, 0, 0])
  expect([1, 5, 9, 13, 15, 19, 23, 27, 31].every((config) => isOneFrame(of(config)))).toBe(true)
  expect([0, 2, 3, 12, 14, 16, 17, 18, 30].some((config) => isOneFrame(of(config)))).toBe(false)
  expect([1, 2, 3].some((code) => isOneFrame(of(31, code)))).toBe(false)
  expect([frameMs(of(3)), frameMs(of(16))]).toEqual([60, 2.5])
  expect(isOneFrame(new Uint8Array(0))).toBe(false)
  expect(isOneFrame(new Uint8Array(1276).fill(31 << 3))).toBe(false)
})

test('a recording is Ogg that our own reader reads, up to any whole page', () => {
  const writer = new OggWriter(7)
  const packets = Array.from({ length: 50 }, (_, at) => new Uint8Array(80 + at).fill(at))
  const large = [new Uint8Array(255).fill(1), new Uint8Array(600).fill(2)]
  const pages = [writer.begin('Bản tin'), writer.page(packets), writer.page(large), writer.page([], true)]
  const reader = new OggReader()
  const found = pages.flatMap((page) => reader.feed(page))
  expect(found.length).toBe(5)
  expect(new TextDecoder().decode(found[0]!.packets[0]!.slice(0, 8))).toBe('OpusHead')
  expect(new DataView(found[0]!.packets[0]!.buffer).getUint16(10, true)).toBe(PRE_SKIP)
  expect(new TextDecoder().decode(found[1]!.packets[0])).toContain('TITLE=Bản tin')
  expect(found[2]).toMatchObject({ granule: 50 * FRAME, eos: false, packets })
  expect(found[3]!.packets).toEqual(large)
  expect(found[4]).toMatchObject({ granule: 52 * FRAME, eos: true })
  expect(lastGranule(pages[1]!)).toBe(50 * FRAME)
  expect(lastGranule(pages[2]!.subarray(5))).toBe(0)
  expect(() => writer.page(Array(256).fill(new Uint8Array(1)))).toThrow(RangeError)
})

test('packets and samples go over the wire as the server reads them', () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const packet = (sequence: number, data: number[]) => ({
    sequence, capturedUs: 1_000_000, data: new Uint8Array(data),
  })
  expect(hex(audio([packet(7, [0xf8, 0xff, 0xfe]), packet(8, [8])], false))).toBe(
    '010200000007' + '00000000000f4240' + '0003f8fffe' + '000108',
  )
  expect(hex(pcm16(Float32Array.of(0, 0.5, -1, 1, 2)))).toBe('0000' + '0040' + '0080' + 'ff7f' + 'ff7f')
  expect(hex(audio([packet(1, [1, 0, 2, 0])], true))).toBe('0201000000010000000000' + '0f4240' + '01000200')
  expect(hex(wavHeader(8)).slice(0, 24)).toBe('524946462c00000057415645')
})
