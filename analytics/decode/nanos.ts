// 64-bit times as the two halves that columns hold.

export const low = (ns: bigint): number => Number(BigInt.asUintN(32, ns))
export const high = (ns: bigint): number => Number(BigInt.asUintN(32, ns >> 32n))
