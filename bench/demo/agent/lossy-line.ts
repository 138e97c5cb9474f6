// A line that loses the answer of one change: the change is made, and its caller never hears of it.

export const createLossyLine = (): { readonly send: typeof fetch; lost(): number } => {
  let lost = 0
  return {
    lost: () => lost,
    send: async (input, init) => {
      const response = await fetch(input, init)
      if (lost > 0 || init?.method === 'GET' || String(input).includes('dry_run=true')) return response
      lost++
      throw new Error('the connection was lost before the answer came')
    },
  }
}
