import { speaks } from '../../state/language.svelte'

const vi = {
  title: 'Đăng nhập',
  login: 'Tên đăng nhập',
  password: 'Mật khẩu',
  signIn: 'Đăng nhập',
  wait: (seconds: number) => `Thử lại được sau ${seconds} giây`,
  listen: 'Nghe đài, không cần đăng nhập',
  setUp: 'Có mã thiết lập? Tạo tài khoản quản trị',
  forgot: 'Quên mật khẩu? Hãy nhờ quản trị viên đặt mật khẩu mới.',
  changeTitle: 'Đổi mật khẩu',
  mustChange: 'Mật khẩu hiện nay do người khác đặt. Hãy chọn mật khẩu của riêng bạn để bắt đầu làm việc.',
  current: 'Mật khẩu hiện nay',
  change: 'Đổi mật khẩu',
  changed: 'Đã đổi mật khẩu',
  elsewhere: 'Các nơi khác đang đăng nhập bằng tài khoản này sẽ bị đăng xuất.',
  signOut: 'Đăng xuất',
}

const en: typeof vi = {
  title: 'Sign in',
  login: 'Login',
  password: 'Password',
  signIn: 'Sign in',
  wait: (seconds: number) => `Try again in ${seconds} s`,
  listen: 'Listen, without signing in',
  setUp: 'A set-up code? Make an administrator',
  forgot: 'Password forgotten? Ask an administrator to set a new one.',
  changeTitle: 'Change the password',
  mustChange: 'Somebody else chose this password. Choose one of your own to begin.',
  current: 'Present password',
  change: 'Change the password',
  changed: 'The password was changed',
  elsewhere: 'Wherever else this account is signed in, it will be signed out.',
  signOut: 'Sign out',
}

export const say = speaks({ vi, en })
