import { speaks } from '../state/language.svelte'

const vi = {
  navigation: 'Các trang',
  menu: 'Mục lục',
  skip: 'Đến nội dung',
  theme: 'Nền',
  themes: { auto: 'Nền tự động', light: 'Nền sáng', dark: 'Nền tối' },
  signOut: 'Đăng xuất',
  account: 'Tài khoản',
  onAir: 'Đang phát',
  studio: 'Phát trực tiếp',
  bulletins: 'Bản tin',
  schedule: 'Lịch phát',
  receivers: 'Cụm thu',
  emergency: 'Khẩn cấp',
  reports: 'Báo cáo',
  audit: 'Nhật ký hệ thống',
  settings: 'Cài đặt',
  lapsed: 'Phiên làm việc đã hết',
  lapsedWhy: 'Hãy nhập lại mật khẩu để làm tiếp; những gì đang làm vẫn còn.',
  password: 'Mật khẩu',
  signIn: 'Đăng nhập',
}

const en: typeof vi = {
  navigation: 'Pages',
  menu: 'Menu',
  skip: 'To the content',
  theme: 'Theme',
  themes: { auto: 'Automatic', light: 'Light', dark: 'Dark' },
  signOut: 'Sign out',
  account: 'Account',
  onAir: 'On air',
  studio: 'Studio',
  bulletins: 'Bulletins',
  schedule: 'Schedule',
  receivers: 'Receivers',
  emergency: 'Emergency',
  reports: 'Reports',
  audit: 'Audit log',
  settings: 'Settings',
  lapsed: 'The session has ended',
  lapsedWhy: 'Enter the password again to go on; nothing of your work is lost.',
  password: 'Password',
  signIn: 'Sign in',
}

export const say = speaks({ vi, en })
