/** Who sits at the screen, and what they may do. Rights are the server's; here they only decide
 * what is shown. */

import { api, ApiError, credentials } from '../api/client'
import type { components } from '../api/schema'
import { areas } from './areas.svelte'
import { language, type Language } from './language.svelte'

export type Me = components['schemas']['Me']
export type Permission = components['schemas']['Permission']

class Session {
  #me = $state.raw<Me | null>(null)
  /** False until the server has said who we are, or that we are nobody. */
  known = $state(false)
  /** The session ended while somebody was at work: they sign in again and lose nothing. */
  lapsed = $state(false)
  /** They are signing out: what is refused meanwhile has not lapsed. */
  #leaving = false

  constructor() {
    credentials.ended = () => {
      if (this.#me !== null && !this.#leaving) this.lapsed = true
    }
  }

  get me(): Me | null {
    return this.#me
  }

  /** Ask the server who we are. */
  async load(): Promise<void> {
    try {
      const { data } = await api.GET('/me')
      this.#take(data!)
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error
      this.#me = null
    } finally {
      this.known = true
    }
  }

  #take(me: Me): void {
    this.#me = me
    this.lapsed = false
    credentials.csrf = me.csrf
    if (me.language === 'vi' || me.language === 'en') language.choose(me.language as Language)
  }

  async signIn(login: string, password: string): Promise<void> {
    await api.POST('/sign-in', { body: { login, password, cookie: true } })
    await this.load()
  }

  async signOut(): Promise<void> {
    this.#leaving = true
    try {
      await api.POST('/sign-out')
    } catch (error) {
      // A session that has ended already is left, too.
      if (!(error instanceof ApiError && error.status === 401)) throw error
    } finally {
      this.#leaving = false
    }
    this.#me = null
    this.lapsed = false
    credentials.csrf = null
    areas.forget()
  }

  /** Be spoken to in a language: here at once, and wherever one signs in from now on. */
  async speak(chosen: Language): Promise<void> {
    language.choose(chosen)
    if (this.#me !== null) await api.PUT('/me/language', { body: { language: chosen } })
  }

  /** May they do this on an area (or, without one, anywhere)? */
  may(permission: Permission, area?: number): boolean {
    const me = this.#me
    if (me === null || !me.scopes.includes(permission)) return false
    return me.grants.some(
      (grant) =>
        grant.permissions.includes(permission) &&
        (area === undefined || areas.within(area, grant.area)),
    )
  }
}

export const session = new Session()
