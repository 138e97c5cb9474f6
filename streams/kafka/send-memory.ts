// One piece of memory for the batches of one send after the other. A new one for each is 7 MB a second of small sends, which V8 counts
// beside its heap: in a process of 17 MB the whole heap was collected every 0.6 s for it, and a hundredth of appends waited 5 to 15 ms.

/** More than `SendQueue` waits for, less than one send may be: larger ones are rare, and have memory of their own. */
const ROOM_BYTES = 1024 * 1024

export interface SendMemory {
  /** Its content is whatever was there before. */
  take(bytes: number): Buffer
  /** All that was taken is free again. `isHeld`: somebody may still read it, so it is left to him. */
  release(isHeld: boolean): void
}

export const createSendMemory = (roomBytes = ROOM_BYTES): SendMemory => {
  let room: Buffer | null = null
  let used = 0
  return {
    take: (bytes) => {
      if (used + bytes > roomBytes) return Buffer.allocUnsafe(bytes)
      room ??= Buffer.allocUnsafeSlow(roomBytes)
      used += bytes
      return room.subarray(used - bytes, used)
    },
    release: (isHeld) => {
      if (isHeld) room = null
      used = 0
    },
  }
}
