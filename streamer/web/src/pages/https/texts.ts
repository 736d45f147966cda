import { speaks } from '../../state/language.svelte'

export type Device = 'windows' | 'android' | 'iphone' | 'macos' | 'linux' | 'firefox'
export const DEVICES: Device[] = ['windows', 'android', 'iphone', 'macos', 'linux', 'firefox']

const vi = {
  title: 'Trang an toàn (HTTPS)',
  why: 'Trình duyệt chỉ cho trang web dùng micrô khi trang mở bằng HTTPS (hoặc ngay trên máy chủ). HTTPS còn giữ kín mật khẩu trên đường truyền.',
  secure: 'Trang này đang an toàn: micrô dùng được.',
  insecure: 'Trang này chưa an toàn: micrô chưa dùng được.',
  get: '1. Tải chứng chỉ gốc của máy chủ về thiết bị này',
  download: 'Tải loa-ca.crt',
  fingerprint: 'Dấu vân tay (SHA-256). Hãy đối chiếu với dòng mà máy chủ đã in ra khi chạy loa https:',
  limited: 'Chứng chỉ này chỉ bảo đảm cho máy chủ của cơ quan và các địa chỉ nội bộ, không cho trang nào trên Internet.',
  trust: '2. Cho thiết bị tin cậy chứng chỉ (chỉ làm một lần)',
  open: '3. Mở trang an toàn',
  mine: 'thiết bị này',
  off: 'Máy chủ này chưa bật HTTPS.',
  offHow: 'Người quản trị chạy một lệnh trên máy chủ, không cần Internet:',
  offThen: 'Lệnh này in ra các bước tiếp theo. Nếu cơ quan không đặt tên máy, dùng địa chỉ của máy chủ với --address.',
  other: 'Máy chủ này dùng chứng chỉ đã có sẵn sự tin cậy; chỉ cần mở trang bằng https://.',
  devices: {
    windows: 'Windows (Chrome, Edge, Cốc Cốc)',
    android: 'Điện thoại Android',
    iphone: 'iPhone, iPad',
    macos: 'Máy Mac',
    linux: 'Linux (Chrome, Chromium)',
    firefox: 'Firefox (mọi máy)',
  } satisfies Record<Device, string>,
  how: {
    windows: [
      'Mở tệp loa-ca.crt vừa tải về, bấm “Install Certificate…” (Cài đặt chứng chỉ).',
      'Chọn “Current User” (Người dùng hiện tại), bấm Next.',
      'Chọn “Place all certificates in the following store”, bấm Browse, chọn “Trusted Root Certification Authorities”, rồi OK, Next, Finish, Yes.',
      'Đóng hết cửa sổ trình duyệt rồi mở lại.',
    ],
    android: [
      'Mở Cài đặt → Bảo mật → Mã hóa và thông tin xác thực → Cài đặt chứng chỉ. (Tên mục có thể khác chút ít tùy máy; tìm chữ “chứng chỉ”.)',
      'Chọn “Chứng chỉ CA”, bấm “Vẫn cài đặt”, rồi chọn tệp loa-ca.crt.',
      'Máy có thể yêu cầu đặt khóa màn hình trước.',
    ],
    iphone: [
      'Mở trang này bằng Safari, bấm tải loa-ca.crt, chọn Cho phép.',
      'Vào Cài đặt → Đã tải về hồ sơ → Cài đặt.',
      'Vào Cài đặt → Cài đặt chung → Giới thiệu → Cài đặt tin cậy chứng nhận, bật chứng nhận Loa.',
    ],
    macos: [
      'Mở tệp loa-ca.crt; ứng dụng Truy cập chuỗi khóa (Keychain Access) mở ra, chọn chuỗi khóa Hệ thống (System).',
      'Nhấp đúp chứng chỉ Loa, mở mục Tin cậy (Trust), chọn “Luôn tin cậy” (Always Trust).',
    ],
    linux: [
      'Chrome và Chromium: cài gói libnss3-tools, rồi chạy: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Loa -i loa-ca.crt',
      'Các chương trình khác: sudo cp loa-ca.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates',
    ],
    firefox: [
      'Mở Cài đặt → Quyền riêng tư và bảo mật → Chứng chỉ → Xem chứng chỉ → Nhà thẩm quyền → Nhập.',
      'Chọn loa-ca.crt, đánh dấu “Tin cậy CA này để nhận diện trang web”.',
    ],
  } satisfies Record<Device, string[]>,
  back: 'Về trang đầu',
}

const en: typeof vi = {
  title: 'The secure page (HTTPS)',
  why: 'Browsers give a page the microphone only over HTTPS (or on the server itself). HTTPS also keeps passwords private on their way.',
  secure: 'This page is secure: the microphone can be used.',
  insecure: 'This page is not secure: the microphone cannot be used yet.',
  get: '1. Download the server’s own root certificate to this device',
  download: 'Download loa-ca.crt',
  fingerprint: 'Its fingerprint (SHA-256). Compare it with what the server printed when loa https was run:',
  limited: 'This certificate can vouch for the office’s server and private addresses only, not for any site on the Internet.',
  trust: '2. Have the device trust it (once)',
  open: '3. Open the secure page',
  mine: 'this device',
  off: 'HTTPS is not switched on yet.',
  offHow: 'Who administers the server runs one command on it; no Internet is needed:',
  offThen: 'The command prints what to do next. Where the office has no names, give the server’s address with --address.',
  other: 'This server has a certificate that is trusted already; just open the page by https://.',
  devices: {
    windows: 'Windows (Chrome, Edge)',
    android: 'Android phone',
    iphone: 'iPhone, iPad',
    macos: 'Mac',
    linux: 'Linux (Chrome, Chromium)',
    firefox: 'Firefox (anywhere)',
  },
  how: {
    windows: [
      'Open the downloaded loa-ca.crt and press “Install Certificate…”.',
      'Choose “Current User”, press Next.',
      'Choose “Place all certificates in the following store”, Browse, “Trusted Root Certification Authorities”, then OK, Next, Finish, Yes.',
      'Close all windows of the browser and open it again.',
    ],
    android: [
      'Open Settings → Security → Encryption & credentials → Install a certificate. (The names differ a little; search for “certificate”.)',
      'Choose “CA certificate”, press “Install anyway”, then choose loa-ca.crt.',
      'The phone may want a screen lock first.',
    ],
    iphone: [
      'Open this page in Safari, download loa-ca.crt, press Allow.',
      'Settings → Profile Downloaded → Install.',
      'Settings → General → About → Certificate Trust Settings: switch Loa on.',
    ],
    macos: [
      'Open loa-ca.crt; Keychain Access opens. Choose the System keychain.',
      'Double-click the Loa certificate, open Trust, choose “Always Trust”.',
    ],
    linux: [
      'Chrome and Chromium: install libnss3-tools, then run: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Loa -i loa-ca.crt',
      'Other programs: sudo cp loa-ca.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates',
    ],
    firefox: [
      'Settings → Privacy & Security → Certificates → View Certificates → Authorities → Import.',
      'Choose loa-ca.crt and tick “Trust this CA to identify websites”.',
    ],
  },
  back: 'To the first page',
}

export const say = speaks({ vi, en })
