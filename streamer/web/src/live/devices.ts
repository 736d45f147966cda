/** Which microphone it is that one speaks into. */

export type Device = Pick<MediaDeviceInfo, 'deviceId' | 'groupId' | 'label'>

/** Names that browsers have for whichever device is the usual one now: no device by themselves. */
const ALIASES = ['', 'default', 'communications']

/**
 * Return the id of the device that a track is from, or null where that cannot be told. An alias is
 * looked through: what is behind it has the same group, and its label ends that of the alias.
 */
export function deviceOf(
  { deviceId = '', groupId = '' }: MediaTrackSettings,
  label: string,
  devices: readonly Device[],
): string | null {
  if (!ALIASES.includes(deviceId)) return deviceId
  const there = devices.filter((one) => !ALIASES.includes(one.deviceId))
  const group = there.filter((one) => groupId !== '' && one.groupId === groupId)
  const named = (group.length > 0 ? group : there).filter((one) => one.label !== '' && label.endsWith(one.label))
  if (named.length === 1) return named[0]!.deviceId
  return group.length === 1 ? group[0]!.deviceId : null
}
