/** Where this server is reached by HTTPS: without it browsers give no microphone. */

import { api } from '../api/client'
import type { components } from '../api/schema'

export type HttpsState = components['schemas']['HttpsState']

/** The address of the same page by HTTPS, '' where there is none. */
export function secureAddress(state: HttpsState, at: { hostname: string; pathname: string }): string {
  if (state.port === null) return ''
  const name = state.names.length === 0 || state.names.includes(at.hostname) ? at.hostname : state.names[0]!
  const host = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name
  return `https://${host}${state.port === 443 ? '' : `:${state.port}`}${at.pathname}`
}

/** The command that switches HTTPS on; for a server that is called by a number, with the usual name. */
export function httpsCommand(hostname: string): string {
  const nameless = /^([\d.:[\]]+|localhost)$/.test(hostname)
  return `loa https --name ${nameless ? 'loa.local' : hostname}`
}

class Https {
  #state = $state.raw<HttpsState | null>(null)
  /** Does the browser trust this page with a microphone? */
  readonly here = globalThis.isSecureContext

  /** What the server says of it; null until it has. */
  get state(): HttpsState | null {
    return this.#state
  }

  async load(): Promise<void> {
    const { data } = await api.GET('/https')
    this.#state = data!
  }

  /** This page by HTTPS. */
  get address(): string {
    return this.#state === null ? '' : secureAddress(this.#state, location)
  }
}

export const https = new Https()
