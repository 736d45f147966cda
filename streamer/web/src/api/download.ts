/** Files that the API makes: fetched with the language one reads, kept under a name that says what
 * they are. */

import { ApiError, BASE, headers, refusal } from './client'

export async function download(path: string, name: string): Promise<void> {
  let response: Response
  try {
    response = await fetch(BASE + path, { headers: headers('GET') })
  } catch (error) {
    throw new ApiError(0, 'unreachable', String(error))
  }
  if (!response.ok) throw await refusal(response)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has taken it by the next turn.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
