import { speaks } from '../../state/language.svelte'

const vi = {
  title: 'Đăng nhập',
  login: 'Tên đăng nhập',
  password: 'Mật khẩu',
  signIn: 'Đăng nhập',
}

const en: typeof vi = {
  title: 'Sign in',
  login: 'Login',
  password: 'Password',
  signIn: 'Sign in',
}

export const say = speaks({ vi, en })
