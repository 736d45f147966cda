/** What makes a password good; the server has the last word. */

export const LEAST = 10

export type Judgement = { long: boolean; varied: boolean; notLogin: boolean }

/** Say what a password already is; with all three the server most likely takes it. */
export function judge(password: string, login: string): Judgement {
  const folded = password.normalize('NFC').toLowerCase()
  const name = login.trim().toLowerCase()
  const turned = [...name].reverse().join('')
  return {
    long: [...password].length >= LEAST,
    varied: new Set(folded).size >= 4,
    notLogin: password !== '' && (name === '' || ![name, turned, name + name].includes(folded.trim())),
  }
}

// Without letters and digits that are taken for one another when they are read out or copied.
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'

/** Make a password that can be read out over the telephone: 15 letters, 74 bits. */
export function suggest(): string {
  const found: string[] = []
  while (found.length < 15) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      // Bytes beyond a whole multiple would make some letters likelier than others.
      if (byte < 248 && found.length < 15) found.push(LETTERS[byte % 31]!)
    }
  }
  return [0, 5, 10].map((at) => found.slice(at, at + 5).join('')).join('-')
}
