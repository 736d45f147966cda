/** Light, dark, or as the device has it. */

export type Theme = 'auto' | 'light' | 'dark'

const KEPT = 'loa.theme'

function kept(): Theme {
  try {
    const word = localStorage.getItem(KEPT)
    return word === 'light' || word === 'dark' ? word : 'auto'
  } catch {
    return 'auto'
  }
}

function show(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

class Current {
  #now = $state<Theme>(kept())

  constructor() {
    show(this.#now)
  }

  get now(): Theme {
    return this.#now
  }

  choose(theme: Theme): void {
    this.#now = theme
    show(theme)
    try {
      localStorage.setItem(KEPT, theme)
    } catch {
      // Then it lasts until the page is closed.
    }
  }
}

export const theme = new Current()
