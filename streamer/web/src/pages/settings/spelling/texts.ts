import { speaks } from '../../../state/language.svelte'

const vi = {
  intro: 'Từ mà giọng đọc máy đọc sai thì ghi cách đọc ở đây; có hiệu lực ở địa bàn này và mọi địa bàn bên dưới.',
  written: 'Viết là',
  spoken: 'Đọc là',
  add: 'Thêm cách đọc',
  from: (name: string) => `theo ${name}`,
  none: 'Chưa có cách đọc riêng nào.',
  try: 'Thử một câu',
  tryHint: 'Câu sẽ được giọng đọc máy đọc như thế nào',
  result: 'Sẽ đọc là',
  voice: (name: string) => `Giọng đọc: ${name}`,
  noVoice: 'Máy chủ chưa có giọng đọc nào.',
  voices: 'Các giọng đọc có trên máy chủ',
  removed: 'Đã xóa',
}

const en: typeof vi = {
  intro: 'Words that the voice speaks wrongly are put right here; it holds on this area and everything below.',
  written: 'Written',
  spoken: 'Spoken',
  add: 'Add a word',
  from: (name: string) => `from ${name}`,
  none: 'There is none yet.',
  try: 'Try a sentence',
  tryHint: 'What the voice would be given',
  result: 'Spoken as',
  voice: (name: string) => `Voice: ${name}`,
  noVoice: 'The server has no voice yet.',
  voices: 'The voices that the server has',
  removed: 'Removed',
}

export const say = speaks({ vi, en })
