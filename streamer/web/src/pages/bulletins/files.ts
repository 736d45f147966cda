/** What was dropped or chosen, and what it is to be called. */

/** A drop of folders is gone through, but not without end. */
const MOST = 200
const TITLE = 200

/** "tiem_chung-thang 3.mp3" → "tiem chung-thang 3" */
export function titleOfName(name: string): string {
  const bare = name.replace(/\.[A-Za-z0-9]{1,5}$/, '').replace(/_/g, ' ')
  // Control characters have no place in a title.
  const clean = bare.normalize('NFC').replace(/\p{Cc}/gu, ' ')
  return clipped(clean) || name.slice(0, TITLE)
}

/** Cut a title to what the server takes, counted as it counts. */
export function clipped(title: string): string {
  return [...title.trim().replace(/\s+/g, ' ')].slice(0, TITLE).join('').trim()
}

/** The title in the file's own tags, else of its name. */
export async function titleOf(file: File): Promise<string> {
  try {
    const { parseBlob } = await import('music-metadata')
    const read = parseBlob(file, { duration: false, skipCovers: true, skipPostHeaders: true })
    const late = new Promise<null>((resolve) => setTimeout(resolve, 2000, null))
    const title = (await Promise.race([read, late]))?.common.title ?? ''
    return clipped(title.normalize('NFC').replace(/\p{Cc}/gu, ' ')) || titleOfName(file.name)
  } catch {
    return titleOfName(file.name)
  }
}

/** The files of a drop, those in folders too. Must be called while the drop is being handled. */
export async function dropped(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  if (entries.length === 0 || entries.some((entry) => entry === null)) return [...transfer.files]
  const found: File[] = []
  const open = entries.filter((entry) => entry !== null).reverse()
  while (open.length > 0 && found.length < MOST) {
    const entry = open.pop()!
    if (entry.isFile) {
      found.push(await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)))
    } else {
      const reader = (entry as FileSystemDirectoryEntry).createReader()
      for (;;) {
        const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail))
        if (some.length === 0 || open.length > MOST) break
        open.push(...some)
      }
    }
  }
  return found.filter((file) => file.size > 0 && !file.name.startsWith('.'))
}
