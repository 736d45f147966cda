import { speaks } from '../../state/language.svelte'

const vi = {
  title: 'Bản đồ cụm thu',
  map: 'Bản đồ; danh sách bên cạnh có cùng nội dung',
  list: 'Danh sách',
  here: 'Trong khung bản đồ',
  everywhere: 'Cả danh sách',
  none: 'Chưa cụm thu nào có vị trí. Mở trang của cụm thu, thẻ Quản lý, để đặt vị trí; hoặc thêm cột Vĩ độ, Kinh độ khi nhập từ bảng.',
  without: (n: string) => `${n} cụm thu chưa có vị trí nên không hiện trên bản đồ.`,
  together: (n: string) => `${n} cụm thu`,
  show: 'Xem trên bản đồ',
  open: 'Mở trang cụm thu',
  zoomIn: 'Phóng to',
  zoomOut: 'Thu nhỏ',
  credit: 'Đường nét: Natural Earth',
  legend: 'Chú giải',
  fit: 'Xem tất cả',
}

const en: typeof vi = {
  title: 'Map of receivers',
  map: 'A map; the list beside it has the same',
  list: 'List',
  here: 'Those on the map as it is',
  everywhere: 'All',
  none: 'No receiver has a position yet. Set it on a receiver’s page, under Manage, or by columns of a table.',
  without: (n) => `${n} receivers have no position, and are not on the map.`,
  together: (n) => `${n} receivers`,
  show: 'Show on the map',
  open: 'Open its page',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  credit: 'Outlines: Natural Earth',
  legend: 'Legend',
  fit: 'Show all',
}

export const say = speaks({ vi, en })
