import { speaks } from '../../state/language.svelte'

const vi = {
  title: 'Cài đặt',
  sections: {
    areas: 'Địa bàn',
    rules: 'Giờ phát, quy định',
    people: 'Người dùng',
    sources: 'Nguồn phát',
    webhooks: 'Thông báo tự động',
    spelling: 'Cách đọc',
  },
  choose: 'Chọn một địa bàn ở bên trái.',
  findArea: 'Tìm địa bàn (không cần dấu)',
  stale: 'Người khác vừa sửa trước. Đã tải bản mới; những gì bạn nhập vẫn còn, hãy xem lại rồi lưu.',
}

const en: typeof vi = {
  title: 'Settings',
  sections: {
    areas: 'Areas',
    rules: 'Hours and rules',
    people: 'People',
    sources: 'Sources',
    webhooks: 'Webhooks',
    spelling: 'Pronunciation',
  },
  choose: 'Choose an area on the left.',
  findArea: 'Find an area',
  stale: 'Somebody else was quicker. The newest was loaded; what you entered is still here: look again, then save.',
}

export const say = speaks({ vi, en })
export type SettingsSection = keyof typeof vi.sections
