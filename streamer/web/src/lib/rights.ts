/** Roles and permissions in the words that staff use. */

import type { components } from '../api/schema'
import { speaks } from '../state/language.svelte'

export type Role = components['schemas']['Role']
export type Permission = components['schemas']['Permission']

const vi = {
  roles: {
    viewer: 'Người xem',
    editor: 'Biên tập viên',
    approver: 'Người duyệt',
    broadcaster: 'Phát thanh viên',
    technician: 'Kỹ thuật viên',
    administrator: 'Quản trị viên',
    emergency: 'Người phát khẩn cấp',
  } as Record<string, string>,
  does: {
    viewer: 'xem mọi thứ, không thay đổi gì',
    editor: 'soạn và gửi duyệt bản tin, xếp danh sách chờ phát',
    approver: 'như biên tập viên, và duyệt, trả lại, thu hồi bản tin',
    broadcaster: 'như biên tập viên, và phát trực tiếp, đặt khung giờ phát',
    technician: 'lo cụm thu và SIM',
    administrator: 'tất cả, cả địa bàn, người dùng và cài đặt',
    emergency: 'phát bản tin khẩn cấp; giao thêm bên cạnh một quyền khác',
  } as Record<string, string>,
  permissions: {
    read: 'xem',
    'bulletin.edit': 'soạn bản tin',
    'bulletin.approve': 'duyệt, trả lại, thu hồi bản tin',
    queue: 'danh sách chờ phát',
    schedule: 'khung giờ phát, ngày nghỉ',
    live: 'phát trực tiếp, dừng phát',
    emergency: 'phát khẩn cấp',
    areas: 'cây địa bàn',
    policy: 'giờ phát, giới hạn, quy định',
    people: 'người dùng và quyền',
    audit: 'xem nhật ký hệ thống',
    receivers: 'cụm thu, SIM',
    system: 'thông báo tự động (webhook)',
  } as Record<string, string>,
}

const en: typeof vi = {
  roles: {
    viewer: 'Viewer',
    editor: 'Editor',
    approver: 'Approver',
    broadcaster: 'Broadcaster',
    technician: 'Technician',
    administrator: 'Administrator',
    emergency: 'Emergency caller',
  },
  does: {
    viewer: 'sees everything, changes nothing',
    editor: 'makes and submits bulletins, fills the queue',
    approver: 'as an editor, and approves, rejects and withdraws bulletins',
    broadcaster: 'as an editor, and goes live and sets slots',
    technician: 'takes care of receivers and SIMs',
    administrator: 'everything, areas, people and settings too',
    emergency: 'calls emergencies; given beside another role',
  },
  permissions: {
    read: 'see',
    'bulletin.edit': 'make bulletins',
    'bulletin.approve': 'approve, reject, withdraw bulletins',
    queue: 'the queue',
    schedule: 'slots and holidays',
    live: 'go live, stop what is on air',
    emergency: 'call emergencies',
    areas: 'the tree of areas',
    policy: 'hours, limits, rules',
    people: 'people and roles',
    audit: 'read the audit log',
    receivers: 'receivers and SIMs',
    system: 'webhooks',
  },
}

export const rights = speaks({ vi, en })

export const ROLES: Role[] = [
  'viewer',
  'editor',
  'approver',
  'broadcaster',
  'technician',
  'emergency',
  'administrator',
]
