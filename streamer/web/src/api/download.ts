/** Files that the API makes: fetched with the language one reads, kept under a name that says what
 * they are. */

import { hand } from '../lib/download'
import { ApiError, BASE, headers, refusal } from './client'

export async function download(path: string, name: string): Promise<void> {
  let response: Response
  try {
    response = await fetch(BASE + path, { headers: headers('GET') })
  } catch (error) {
    throw new ApiError(0, 'unreachable', String(error))
  }
  if (!response.ok) throw await refusal(response)
  hand(name, await response.blob())
}
