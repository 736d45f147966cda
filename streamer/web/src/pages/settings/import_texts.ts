import { speaks } from '../../state/language.svelte'

const vi = {
  file: 'Chọn tệp CSV',
  drop: 'hoặc kéo tệp vào đây, hoặc dán nội dung bảng vào ô dưới',
  table: 'Nội dung bảng',
  example: 'Tải bảng mẫu',
  exampleHint: 'Cột: path (đường dẫn), name (tên), parent (cấp trên), station (đài: 1 hoặc 0). Trong Excel, lưu kiểu “CSV UTF-8”.',
  exampleName: 'dia-ban-mau.csv',
  look: 'Xem trước',
  looking: 'Đang xem…',
  notUtf8: 'Tệp không phải UTF-8. Trong Excel hãy lưu thành “CSV UTF-8”.',
  problems: (n: number) => `Có ${n} chỗ sai. Chưa có gì được thay đổi; hãy sửa bảng rồi xem lại.`,
  line: 'Dòng',
  column: 'Cột',
  mistake: 'Chỗ sai',
  nothing: 'Bảng này không thay đổi gì.',
  would: 'Sẽ',
  count: (kind: string, n: number) => `${kind} ${n} địa bàn`,
  untouched: (n: number) => `${n} địa bàn đã có giữ nguyên.`,
  more: (n: number) => `và ${n} thay đổi nữa`,
  carryOut: 'Nhập bảng này',
  done: 'Đã nhập bảng',
  changes: 'Các thay đổi',
  kinds: {
    created: 'thêm mới',
    renamed: 'đổi tên',
    moved: 'chuyển chỗ',
    merged: 'sáp nhập',
    removed: 'xóa',
    station: 'đổi đài',
    code: 'đổi mã',
    ordered: 'đổi thứ tự',
  } as Record<string, string>,
}

const en: typeof vi = {
  file: 'Choose a CSV file',
  drop: 'or drop it here, or paste the table into the field below',
  table: 'The table',
  example: 'Download an example',
  exampleHint: 'Columns: path, name, parent, station (1 or 0). The file must be UTF-8.',
  exampleName: 'areas-example.csv',
  look: 'Look first',
  looking: 'Looking…',
  notUtf8: 'The file is not UTF-8. In Excel save it as “CSV UTF-8”.',
  problems: (n: number) =>
    `${n} ${n === 1 ? 'mistake' : 'mistakes'}. Nothing was changed; correct the table and look again.`,
  line: 'Line',
  column: 'Column',
  mistake: 'What is wrong',
  nothing: 'This table changes nothing.',
  would: 'Areas',
  count: (kind: string, n: number) => `${n} ${kind}`,
  untouched: (n: number) => `${n} areas stay as they are.`,
  more: (n: number) => `and ${n} more changes`,
  carryOut: 'Import this table',
  done: 'The table was imported',
  changes: 'The changes',
  kinds: {
    created: 'new',
    renamed: 'renamed',
    moved: 'moved',
    merged: 'merged',
    removed: 'removed',
    station: 'station',
    code: 'code',
    ordered: 'ordered',
  },
}

export const say = speaks({ vi, en })

/** A table to begin with; labelled as what it is. */
export const EXAMPLE = `path,name,parent,station
/tinh-mau,Tỉnh mẫu (dữ liệu mẫu),,1
/tinh-mau/xa-mot,Xã Một (dữ liệu mẫu),/tinh-mau,1
/tinh-mau/xa-mot/thon-1,Thôn 1 (dữ liệu mẫu),/tinh-mau/xa-mot,0
/tinh-mau/xa-mot/thon-2,Thôn 2 (dữ liệu mẫu),/tinh-mau/xa-mot,0
/tinh-mau/xa-hai,Xã Hai (dữ liệu mẫu),/tinh-mau,1
`
