/** One try to send a file to the server's uploads (the tus protocol), piece by piece. */

import { DefaultHttpStack, Upload, type DetailedError, type HttpRequest, type HttpResponse } from 'tus-js-client'

import { ApiError, BASE, credentials, headers } from '../../api/client'

/** A piece has a checksum, and counts only whole: so it is small enough for a bad link. */
const PIECE = 1_000_000
/** With nothing sent for so long, the connection is taken for dead. */
const STALLED_MS = 30_000

/** Sends every piece with its SHA-256, so that the server notices what a link has damaged. */
class Checked implements HttpRequest {
  #aborted = false

  constructor(private readonly inner: HttpRequest) {
    for (const [name, value] of Object.entries(headers(inner.getMethod()))) inner.setHeader(name, value)
  }

  getMethod = (): string => this.inner.getMethod()
  getURL = (): string => this.inner.getURL()
  setHeader = (name: string, value: string): void => this.inner.setHeader(name, value)
  getHeader = (name: string): string | undefined => this.inner.getHeader(name)
  setProgressHandler = (handler: (bytes: number) => void): void => this.inner.setProgressHandler(handler)
  getUnderlyingObject = (): unknown => this.inner.getUnderlyingObject()

  async send(body: Blob | null): Promise<HttpResponse> {
    // Browsers have this over HTTPS only.
    if (body !== null && body !== undefined && globalThis.crypto?.subtle) {
      const digest = await crypto.subtle.digest('SHA-256', await body.arrayBuffer())
      if (this.#aborted) throw new Error('given up')
      this.setHeader('Upload-Checksum', `sha256 ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`)
    }
    return this.inner.send(body)
  }

  abort(): Promise<void> {
    this.#aborted = true
    return this.inner.abort()
  }
}

class Stack extends DefaultHttpStack {
  override createRequest(method: string, url: string): HttpRequest {
    return new Checked(super.createRequest(method, url))
  }
}

export type Sending = {
  file: Blob
  name: string
  area: number
  url: string | null
  onurl: (url: string) => void
  onprogress: (bytes: number) => void
  /** Aborted: the try ends, and what was sent stays. */
  signal: AbortSignal
}

/**
 * Send the rest of a file; return its address when it is there as a whole. Throws `ApiError`: with
 * status 0 when the network failed.
 */
export function send(job: Sending): Promise<string> {
  return new Promise((resolve, reject) => {
    let stalled: ReturnType<typeof setTimeout>
    const ended = (): void => {
      clearTimeout(stalled)
      job.signal.removeEventListener('abort', abort)
    }
    const fail = (error: unknown): void => {
      ended()
      reject(error)
    }
    const abort = (): void => {
      void upload.abort()
      fail(new ApiError(0, 'aborted', ''))
    }
    const alive = (): void => {
      clearTimeout(stalled)
      stalled = setTimeout(() => {
        void upload.abort()
        fail(new ApiError(0, 'unreachable', ''))
      }, STALLED_MS)
    }
    const upload = new Upload(job.file, {
      endpoint: `${BASE}/uploads`,
      uploadUrl: job.url,
      metadata: { area: String(job.area), filename: job.name },
      chunkSize: PIECE,
      retryDelays: null,
      storeFingerprintForResuming: false,
      httpStack: new Stack({}),
      onUploadUrlAvailable: () => job.onurl(upload.url!),
      onProgress: (bytes) => {
        alive()
        job.onprogress(bytes)
      },
      onSuccess: () => {
        ended()
        resolve(upload.url!)
      },
      onError: (error) => fail(reason(error)),
    })
    if (job.signal.aborted) return fail(new ApiError(0, 'aborted', ''))
    job.signal.addEventListener('abort', abort)
    alive()
    upload.start()
  })
}

/** Take back what the server has of an upload. It forgets it by itself if this does not reach it. */
export async function giveUp(url: string): Promise<void> {
  const said = { ...headers('DELETE'), 'Tus-Resumable': '1.0.0' }
  await fetch(url, { method: 'DELETE', headers: said }).catch(() => {})
}

function reason(error: Error | DetailedError): ApiError {
  const response = 'originalResponse' in error ? error.originalResponse : null
  if (response === null) return new ApiError(0, 'unreachable', '')
  if (response.getStatus() === 401) credentials.ended()
  try {
    const said = JSON.parse(response.getBody()).error
    return new ApiError(response.getStatus(), said.code, said.message, said.fields ?? [])
  } catch {
    return new ApiError(response.getStatus(), 'unreadable', `${response.getStatus()}`)
  }
}

/** Refusals of the upload that end by themselves: a piece came twice, or another one is not in yet. */
const AT_ODDS = ['upload.offset', 'upload.unfinished']

/** Is it worth trying again without anybody's doing anything? */
export function passing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  if (error.status === 409) return AT_ODDS.includes(error.code)
  return error.status === 0 || error.status >= 500 || [401, 408, 423, 429, 460].includes(error.status)
}
