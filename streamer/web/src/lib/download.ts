/** Files that a page makes itself. */

/** Let the browser save a text. A byte order mark tells spreadsheets that it is UTF-8. */
export function download(name: string, text: string, kind = 'text/csv'): void {
  hand(name, new Blob(['\ufeff', text], { type: `${kind};charset=utf-8` }))
}

/** Let the browser save a file. */
export function hand(name: string, file: Blob): void {
  const url = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** A cell of a CSV table; what a spreadsheet would take for a formula gets an apostrophe. */
export function cell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",;\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
