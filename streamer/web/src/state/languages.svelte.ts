/** The languages that bulletins can be in, loaded once. */

import { api } from '../api/client'
import type { components } from '../api/schema'
import { language } from './language.svelte'

type Language = components['schemas']['LanguageOut']

class Languages {
  all = $state.raw<Language[]>([])
  #loading: Promise<void> | null = null

  load(): Promise<void> {
    this.#loading ??= api.GET('/languages').then(
      ({ data }) => {
        this.all = data!
      },
      (error: unknown) => {
        this.#loading = null
        throw error
      },
    )
    return this.#loading
  }

  /** What a language is called in the language of the pages; its tag until that is known. */
  name(tag: string): string {
    return this.all.find((one) => one.tag === tag)?.[language.now] ?? tag
  }
}

export const languages = new Languages()
