/** Search that minds neither marks nor case: "ha giang" finds "Hà Giang", "dong van" "Đồng Văn". */

export function fold(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/đ/g, 'd')
    .replace(/Đ/g, 'D')
    .toLowerCase()
}

/** Make a test of what somebody typed: every word must be there. */
export function finder(typed: string): (folded: string) => boolean {
  const words = fold(typed).split(/\s+/).filter(Boolean)
  return (folded) => words.every((word) => folded.includes(word))
}
