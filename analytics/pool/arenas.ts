// Memory that bodies and blocks cross threads in: shared, so nothing is copied or moved, and used again and again, so the main thread's
// collector has nothing to do with it. An arena belongs to whoever took it until it is given back; one that another thread may still
// write to is thrown away instead.

export interface Arenas {
  /** At least as long as asked for; null when as many as there may be are taken. */
  take(bytes: number): SharedArrayBuffer | null
  give(arena: SharedArrayBuffer): void
  /** Of a thread that was ended: nobody knows when it stops. */
  discard(arena: SharedArrayBuffer): void
}

const MiB = 1024 * 1024
/** Sizes differ a little from range to range: with some room each arena soon fits all of them. */
const ROOM = 1.1

export const createArenas = (max: number): Arenas => {
  const free: SharedArrayBuffer[] = []
  let made = 0
  return {
    take: (bytes) => {
      const fits = free.findIndex((arena) => arena.byteLength >= bytes)
      if (fits >= 0) return free.splice(fits, 1)[0]
      // One that is too short makes room for a longer one: shared memory is nothing that the collector hurries for.
      if (free.length > 0) free.shift()
      else if (made < max) made += 1
      else return null
      return new SharedArrayBuffer(Math.ceil((bytes * ROOM) / MiB) * MiB)
    },
    give: (arena) => {
      free.push(arena)
    },
    discard: () => {
      made -= 1
    },
  }
}
