// A decode thread that does what the log's id says.
export default async ({ logId, messages }) => {
  if (logId === 'die') process.exit(3)
  if (logId === 'hang') for (;;);
  if (logId === 'fail') return { ok: false, message: 'as told' }
  if (logId === 'slow') await new Promise((resolve) => setTimeout(resolve, 300))
  return { ok: true, output: { logs: null, logRows: messages.length, partials: null, partialRows: 0, poison: [] } }
}
