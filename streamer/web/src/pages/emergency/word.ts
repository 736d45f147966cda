/** The word that is typed for a real emergency. Whoever learnt it in one language of the pages is not
 * refused in the other. */

import { fold } from '../../lib/fold'

const WORDS = ['KHẨN CẤP', 'EMERGENCY'].map(fold)

export function isWord(typed: string): boolean {
  return WORDS.includes(fold(typed.trim().replace(/\s+/g, ' ')))
}
