/** One recording from the usual microphone, which lets go of it whatever happens meanwhile. */

import { push } from '../../state/push.svelte'

const KINDS = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4']

export class Take {
  phase = $state<'idle' | 'asking' | 'recording'>('idle')
  /** When it began, by the server's clock, in ms. */
  began = $state(0)
  #recorder: MediaRecorder | null = null
  #asked = 0

  constructor(readonly done: (sound: Blob) => void) {}

  /** Begin; false: the browser gives no microphone. Pressed twice, it begins once. */
  async begin(): Promise<boolean> {
    if (this.phase !== 'idle') return true
    this.phase = 'asking'
    const asked = ++this.#asked
    try {
      const sound = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      })
      // Whoever left while the browser asked is not listened to.
      if (asked === this.#asked) this.#record(sound)
      else release(sound)
      return true
    } catch {
      if (asked === this.#asked) this.phase = 'idle'
      return false
    }
  }

  #record(sound: MediaStream): void {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one))
    let made: MediaRecorder
    try {
      made = new MediaRecorder(sound, { ...(kind ? { mimeType: kind } : {}), audioBitsPerSecond: 96_000 })
      made.start(1000)
    } catch (error) {
      release(sound)
      throw error
    }
    const parts: Blob[] = []
    made.ondataavailable = ({ data }) => parts.push(data)
    made.onstop = () => {
      release(sound)
      this.#recorder = null
      this.phase = 'idle'
      this.done(new Blob(parts, { type: made.mimeType }))
    }
    this.#recorder = made
    this.began = push.now()
    this.phase = 'recording'
  }

  /** End it: what was recorded is handed over. One that is not yet begun does not begin. */
  end(): void {
    this.#asked += 1
    if (this.#recorder?.state === 'recording') this.#recorder.stop()
    else if (this.phase === 'asking') this.phase = 'idle'
  }
}

function release(sound: MediaStream): void {
  for (const track of sound.getTracks()) track.stop()
}
