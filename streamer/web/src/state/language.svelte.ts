/** The language of the pages: Vietnamese first, English beside it. */

export type Language = 'vi' | 'en'

const KEPT = 'loa.language'

function kept(): Language {
  try {
    return localStorage.getItem(KEPT) === 'en' ? 'en' : 'vi'
  } catch {
    return 'vi'
  }
}

class Current {
  #now = $state<Language>(kept())

  get now(): Language {
    return this.#now
  }

  /** The locale that dates and numbers are written in. */
  get locale(): string {
    return this.#now === 'vi' ? 'vi-VN' : 'en-GB'
  }

  choose(language: Language): void {
    this.#now = language
    document.documentElement.lang = language
    try {
      localStorage.setItem(KEPT, language)
    } catch {
      // A browser that keeps nothing asks again next time.
    }
  }
}

export const language = new Current()

/** Texts in both languages; the second must have what the first has. */
export type Texts<T> = { vi: T; en: T }

/**
 * Take the texts of a component: `const say = speaks(texts)`, then `say().title` in the markup.
 * What is read there changes with the language by itself.
 */
export function speaks<T>(texts: Texts<T>): () => T {
  return () => texts[language.now]
}
