/** The studio's own thread: frames from the audio thread are encoded, kept and sent here, so that
 * nothing the page does can make them late. */

import { Link, type LinkState, type Socket } from './link'
import { FRAME, isOneFrame, RATE } from './opus'
import { pcm16, type Closed, type Hello, type Ready, type Status } from './protocol'
import { Recorder, type About } from './recording'

/** From the page. `go` begins to send what the microphone gives; until then nothing is taken. */
export type Order =
  | { do: 'connect'; url: string; words: Hello; about: About; title: string }
  | { do: 'frames'; port: MessagePort }
  | { do: 'go' }
  | { do: 'title'; title: string }
  | { do: 'resume'; csrf: string }
  | { do: 'hurry' }
  | { do: 'end' }
  | { do: 'close' }

/** How it is, four times a second. `lost`: packets that nobody will hear; `slow`: those of them that
 * this machine was too slow for, which are not in the recording either. */
export type Health = {
  rtt: number | null
  sent: number
  lost: number
  slow: number
  waitingMs: number
  connections: number
  pcm: boolean
  recording: '' | 'on' | 'full' | 'failed' | 'none'
  blocked: Closed | null
}

/** To the page. */
export type Report =
  | { is: 'state'; state: LinkState }
  | { is: 'ready'; ready: Ready }
  | { is: 'status'; status: Status }
  | { is: 'closed'; closed: Closed }
  | { is: 'health'; health: Health }

const BITRATE = 32_000
const TICK_MS = 100
const HEALTH_EVERY = 3
/** Frames that may wait in the encoder: beyond, this machine is too slow, and they are lost. */
const ENCODING = 25
/** A goodbye that is not answered within so long is none. */
const GOODBYE_MS = 3_000

type Frame = { first: number; samples: Float32Array<ArrayBuffer> }

const say = (report: Report): void => postMessage(report)

let link: Link | null = null
let encoder: AudioEncoder | null = null
let recorder: Recorder | null = null
let recording: Health['recording'] = ''
let going = false
let tooSlow = 0
let lostThere = 0
let beats = 0
let ended = 0

function encoding(): AudioEncoderConfig {
  return {
    codec: 'opus',
    sampleRate: RATE,
    numberOfChannels: 1,
    bitrate: BITRATE,
    opus: {
      frameDuration: 20_000,
      complexity: 9,
      usedtx: false,
      // Newer than the types that we have: for voices.
      ...({ application: 'voip', signal: 'voice' } as object),
    },
  }
}

/** Is there an encoder that makes what we need? Else samples go as they are. */
async function encodes(): Promise<boolean> {
  if (!('AudioEncoder' in globalThis)) return false
  try {
    return (await AudioEncoder.isConfigSupported(encoding())).supported === true
  } catch {
    return false
  }
}

function startEncoder(to: Link): void {
  encoder = new AudioEncoder({
    output: (chunk) => {
      const data = new Uint8Array(chunk.byteLength)
      chunk.copyTo(data)
      if (isOneFrame(data)) keep(to, data, chunk.timestamp)
      else tooSlow += 1
    },
    error: () => {
      encoder = null
    },
  })
  encoder.configure(encoding())
}

function keep(to: Link, data: Uint8Array, capturedUs: number): void {
  to.outbox.put(data, capturedUs)
  recorder?.add({ data })
  to.pump()
}

function take({ first, samples }: Frame): void {
  if (link === null || !going) return
  const capturedUs = Math.round((first * 1e6) / RATE)
  if (link.pcm) {
    keep(link, pcm16(samples), capturedUs)
    return
  }
  if (encoder === null) startEncoder(link)
  if (encoder!.encodeQueueSize > ENCODING) {
    tooSlow += 1
    return
  }
  const data = new AudioData({
    format: 'f32',
    sampleRate: RATE,
    numberOfFrames: FRAME,
    numberOfChannels: 1,
    timestamp: capturedUs,
    data: samples,
  })
  encoder!.encode(data)
  data.close()
}

async function connect(order: Extract<Order, { do: 'connect' }>): Promise<void> {
  const pcm = !(await encodes())
  link = new Link(
    () => {
      const socket = new WebSocket(order.url)
      return socket as Socket
    },
    order.words,
    pcm,
    {
      state: (state) => say({ is: 'state', state }),
      ready: (ready) => say({ is: 'ready', ready }),
      status: (status) => {
        lostThere = status.lost
        say({ is: 'status', status })
      },
      closed: (closed) => {
        if (closed.reason !== 'signed_out' || link?.state === 'over') {
          finish()
          tell(link!)
        }
        say({ is: 'closed', closed })
      },
    },
  )
  link.title = order.title
  link.tick(performance.now())
  setInterval(beat, TICK_MS)
  try {
    recorder = await Recorder.open(order.about, pcm)
    recording = 'on'
  } catch {
    recording = 'none'
  }
}

function beat(): void {
  const to = link
  if (to === null) return
  const now = performance.now()
  if (ended !== 0 && now - ended > GOODBYE_MS && to.state !== 'over') {
    to.close()
    finish()
    tell(to)
    say({ is: 'closed', closed: { type: 'closed', reason: 'unanswered', text: '', again: false, by: '', final: false } })
  }
  to.tick(now)
  look()
  if (++beats % HEALTH_EVERY === 0) tell(to)
}

/** Does the recording still go on, or did it until it was closed? */
function look(): void {
  if (recorder?.stopped !== 'full' && recorder?.stopped !== 'failed') return
  recording = recorder.stopped
  recorder = null
}

function tell(to: Link): void {
  say({
    is: 'health',
    health: {
      rtt: to.rtt,
      sent: to.sent,
      lost: to.outbox.dropped + tooSlow + lostThere,
      slow: tooSlow,
      waitingMs: to.outbox.waiting * 20,
      connections: to.connections,
      pcm: to.pcm,
      recording,
      blocked: to.why,
    },
  })
}

function closeRecorder(): void {
  recorder?.close()
  look()
  recorder = null
}

/** Nothing is taken any more; what was said is in the recording. */
function finish(): void {
  going = false
  closeRecorder()
  if (encoder?.state === 'configured') encoder.close()
  encoder = null
}

async function end(): Promise<void> {
  going = false
  ended = performance.now()
  if (encoder?.state === 'configured') await encoder.flush().catch(() => {})
  closeRecorder()
  link?.end()
}

onmessage = ({ data }: MessageEvent<Order>) => {
  switch (data.do) {
    case 'connect':
      void connect(data)
      break
    case 'frames':
      data.port.onmessage = (event: MessageEvent<Frame>) => take(event.data)
      break
    case 'go':
      going = true
      break
    case 'title':
      if (link !== null) link.title = data.title
      break
    case 'resume':
      link?.resume(data.csrf)
      break
    case 'hurry':
      link?.tick(performance.now(), true)
      break
    case 'end':
      void end()
      break
    case 'close':
      link?.close()
      finish()
      close()
  }
}
