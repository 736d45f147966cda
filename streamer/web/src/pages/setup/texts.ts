import { speaks } from '../../state/language.svelte'

const vi = {
  title: 'Thiết lập lần đầu',
  steps: ['Quản trị viên', 'Địa bàn', 'Xong'],
  step: (n: number, of: number) => `Bước ${n}/${of}`,
  intro: 'Máy chủ này chưa có tài khoản nào. Hãy tạo tài khoản quản trị đầu tiên.',
  introMore: 'Với mã thiết lập, một quản trị viên nữa được tạo bên cạnh các tài khoản đã có.',
  code: 'Mã thiết lập',
  codeHint: 'Máy chủ in ra mã này khi khởi động (loa serve). Chữ hoa, chữ thường, dấu gạch không quan trọng.',
  login: 'Tên đăng nhập',
  loginHint: 'Chữ cái không dấu, số, dấu chấm, gạch; ví dụ quan.tri',
  name: 'Họ và tên',
  password: 'Mật khẩu',
  language: 'Ngôn ngữ',
  make: 'Tạo tài khoản',
  done: 'Hệ thống đã được thiết lập.',
  signIn: 'Đăng nhập',
  areasIntro:
    'Địa bàn là cây hành chính của bạn: tỉnh, xã, thôn… Nhập từ bảng CSV, hoặc bỏ qua và thêm sau trong Cài đặt.',
  skip: 'Bỏ qua bước này',
  removeSample: 'Xóa địa bàn mẫu “Xã mẫu (dữ liệu mẫu)” sau khi nhập',
  ready: 'Hệ thống đã sẵn sàng.',
  next: 'Việc nên làm tiếp theo',
  people: 'Thêm người dùng và phân quyền theo địa bàn',
  hours: 'Đặt giờ phát và giới hạn cho từng địa bàn',
  https: 'Cho các máy khác trong cơ quan dùng micrô: bật HTTPS',
  start: 'Vào trang chính',
}

const en: typeof vi = {
  title: 'First set-up',
  steps: ['Administrator', 'Areas', 'Done'],
  step: (n: number, of: number) => `Step ${n} of ${of}`,
  intro: 'This server has no account yet. Make the first one, an administrator.',
  introMore: 'With a set-up code another administrator is made beside the accounts that there are.',
  code: 'Set-up code',
  codeHint: 'The server printed it when it started (loa serve). Capitals and hyphens do not matter.',
  login: 'Login',
  loginHint: 'Letters a–z, digits, dots, hyphens; for example quan.tri',
  name: 'Full name',
  password: 'Password',
  language: 'Language',
  make: 'Make the account',
  done: 'This has been set up already.',
  signIn: 'Sign in',
  areasIntro:
    'Areas are your administrative tree: province, commune, village… Import them from a CSV table, or skip this and add them later under Settings.',
  skip: 'Skip this step',
  removeSample: 'Remove the sample area “Xã mẫu (dữ liệu mẫu)” after the import',
  ready: 'Everything is ready.',
  next: 'What to do next',
  people: 'Add people and give them roles by area',
  hours: 'Set hours and limits for each area',
  https: 'Let other computers of the office use their microphones: switch HTTPS on',
  start: 'To the first page',
}

export const say = speaks({ vi, en })
